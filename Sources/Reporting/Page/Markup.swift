import Foundation

/// HTML and SVG, written by hand so that a page needs nothing from elsewhere.
enum Markup {
  /// A text with the characters that mean something in HTML spelled out. By scalars: a character may be joined of one
  /// of these and another before it.
  static func escaped(_ text: String) -> String {
    let spelled: [Unicode.Scalar: String] = [
      "&": "&amp;", "<": "&lt;", ">": "&gt;", "\"": "&quot;",
    ]
    return text.unicodeScalars.map { spelled[$0] ?? String($0) }.joined()
  }

  /// A length or place in pixels, to a tenth; NaN and infinity have no place, and give 0.
  static func number(_ value: Double) -> String {
    guard value.isFinite, abs(value) < 1e6 else { return "0" }
    let text = String(format: "%.1f", value)
    return text.hasSuffix(".0") ? String(text.dropLast(2)) : text
  }

  /// A share of the width, from 0 to 1, as SVG has it.
  static func percent(_ share: Double) -> String {
    share.isFinite ? String(format: "%.2f%%", min(max(share, 0), 1) * 100) : "0%"
  }

  /// A chart with what is said of it.
  ///
  /// - Parameters:
  ///   - caption: What it shows, in a sentence or two, escaped.
  ///   - side: Pixels beside it for what is written there.
  static func figure(caption: String, side: Int = 58, _ chart: String) -> String {
    """
    <figure><figcaption>\(caption)</figcaption>
    <div class="plot" style="padding-left:\(side)px">\(chart)</div></figure>
    """
  }

  /// A drawing as wide as its place.
  static func drawing(height: Double, label: String, _ content: String) -> String {
    "<svg role=\"img\" aria-label=\"\(escaped(label))\" style=\"height:\(number(height))px\">"
      + content + "</svg>"
  }

  /// A line through points in a box of 1000 times `height`, which is stretched to the width of the drawing.
  static func line(_ kind: String, height: Double, _ points: [(share: Double, y: Double)]) -> String
  {
    let places = points.map { "\(number($0.share * 1000)),\(number($0.y))" }
    return
      "<svg width=\"100%\" height=\"\(number(height))\" viewBox=\"0 0 1000 \(number(height))\" "
      + "preserveAspectRatio=\"none\"><polyline class=\"\(kind)\" "
      + "points=\"\(places.joined(separator: " "))\"/></svg>"
  }

  /// A table of two columns.
  static func table(_ rows: [(name: String, value: String)]) -> String {
    let lines = rows.map {
      "<tr><th scope=\"row\">\(escaped($0.name))</th><td>\(escaped($0.value))</td></tr>"
    }
    return "<table class=\"facts\">\n\(lines.joined(separator: "\n"))\n</table>"
  }

  /// As many things as a page has room for, evenly chosen, the first and the last among them.
  static func chosen<Element>(_ elements: [Element], limit: Int) -> [Element] {
    precondition(limit > 1)
    guard elements.count > limit else { return elements }
    return (0..<limit).map { elements[$0 * (elements.count - 1) / (limit - 1)] }
  }
}
