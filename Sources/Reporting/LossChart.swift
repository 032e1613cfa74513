import Diagnostics
import Foundation

/// Losses as inline SVG, drawn by hand so that a report needs nothing from elsewhere.
enum LossChart {
  /// Three bars for each block: rounded to nearest, at the start of tuning, and tuned. The second is the loss
  /// of one batch; the others are of all samples.
  static func blocks(_ blocks: [BlockReport]) -> String {
    let (width, height) = (max(320.0, Double(blocks.count) * 32 + 60), 220.0)
    let largest =
      blocks.map { max($0.rtnLoss, $0.initialLoss, $0.finalLoss) }.filter(\.isFinite).max() ?? 0
    func size(_ loss: Double) -> Double {
      largest > 0 && loss.isFinite ? max(0, loss) / largest * (height - 40) : 0
    }
    let slot = (width - 60) / Double(max(1, blocks.count))
    var svg = open(width, height, "Loss of each block")
    for (index, block) in blocks.enumerated() {
      let x = 50 + slot * Double(index)
      for (offset, loss, kind) in [
        (0.06, block.rtnLoss, "rounded"), (0.36, block.initialLoss, "before"),
        (0.66, block.finalLoss, "tuned"),
      ] {
        let bar = size(loss)
        svg +=
          "<rect class=\"\(kind)\" x=\"\(number(x + slot * offset))\" "
          + "y=\"\(number(height - 20 - bar))\" width=\"\(number(slot * 0.28))\" "
          + "height=\"\(number(bar))\"><title>\(escaped(block.name)), \(kind): "
          + "\(Quantities.loss(loss))</title></rect>"
      }
      if blocks.count <= 40 || index % 10 == 0 {
        svg +=
          "<text x=\"\(number(x + slot / 2))\" y=\"\(number(height - 6))\" "
          + "text-anchor=\"middle\">\(block.index)</text>"
      }
    }
    return svg + "<text x=\"4\" y=\"24\">\(Quantities.loss(largest))</text></svg>"
  }

  /// The losses of the batches of one block, step by step.
  static func curve(_ block: BlockReport) -> String {
    let (width, height) = (240.0, 90.0)
    let losses = block.losses.filter(\.isFinite)
    guard losses.count > 1, let largest = losses.max(), largest > 0 else { return "" }
    // A line has no use for more points than it has pixels.
    let stride = max(1, losses.count / Int(width))
    let points = Swift.stride(from: 0, to: losses.count, by: stride).map { index in
      let x = Double(index) / Double(losses.count - 1) * (width - 8) + 4
      return "\(number(x)),\(number(height - 4 - losses[index] / largest * (height - 24)))"
    }
    return open(width, height, "Losses of \(block.name), step by step")
      + "<text x=\"4\" y=\"12\">\(escaped(block.name)): \(Quantities.loss(losses[0])) to "
      + "\(Quantities.loss(block.bestLoss))</text>"
      + "<polyline points=\"\(points.joined(separator: " "))\"/></svg>"
  }

  private static func open(_ width: Double, _ height: Double, _ title: String) -> String {
    "<svg role=\"img\" width=\"\(number(width))\" height=\"\(number(height))\" "
      + "viewBox=\"0 0 \(number(width)) \(number(height))\"><title>\(escaped(title))</title>"
  }

  private static func number(_ value: Double) -> String { String(format: "%.1f", value) }

  /// A text with the characters that mean something in HTML spelled out. By scalars: a character may be joined of one
  /// of these and another before it.
  static func escaped(_ text: String) -> String {
    let spelled: [Unicode.Scalar: String] = [
      "&": "&amp;", "<": "&lt;", ">": "&gt;", "\"": "&quot;",
    ]
    return text.unicodeScalars.map { spelled[$0] ?? String($0) }.joined()
  }
}
