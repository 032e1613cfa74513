import Diagnostics
import Evaluation
import Foundation
import Verification

extension RunReport {
  /// What is shown when a run is done: a table of the blocks, the sizes, and what to do next.
  ///
  /// - Parameter width: Of the terminal, into which the table is to fit; nil for a file.
  func lines(_ styling: Styling, width: Int? = nil) -> [String] {
    var lines = blocks.isEmpty ? [] : blocks.table(styling, width) + [""]
    if let expertsLine { lines.append("experts    calibration tokens: \(expertsLine)") }
    for output in outputs {
      guard let verification = output.verification else { continue }
      let isSound = verification.findings.isEmpty
      lines.append(
        "\(isSound ? "verified" : "checked ")   \(Quantities.count(verification.tensorCount)) tensors, "
          + "\(verification.quantizedLayerCount) quantized layers"
          + (verification.comparesSource ? ", against the source" : "")
          + (outputs.count > 1 ? ", as \(output.format)" : "")
          + (isSound ? "" : ": \(verification.countOfFindings), which the warnings name"))
    }
    if let quality, let comparison = quality.comparison {
      lines.append(
        "held out   perplexity \(Quantities.decimal(quality.perplexity)), source "
          + "\(Quantities.decimal(comparison.referencePerplexity)), KL divergence "
          + "\(Quantities.significant(comparison.klDivergenceMean)), on "
          + "\(Quantities.count(quality.tokens)) tokens")
      if let rounded = comparison.rounded {
        lines.append(
          "rounded    perplexity \(Quantities.decimal(rounded.perplexity)), KL divergence "
            + "\(Quantities.significant(rounded.klDivergenceMean)): plainly, on the same tokens")
      }
    }
    for output in outputs {
      lines.append(
        "size       \(Quantities.bytes(sourceByteCount)) -> \(Quantities.bytes(output.byteCount)), "
          + "\(Quantities.decimal(output.bitsPerWeight)) bits per quantized weight"
          + (outputs.count > 1 ? ", as \(output.format)" : ""))
    }
    lines += [
      "took       \(Quantities.duration(seconds: seconds)), "
        + "at most \(Quantities.bytes(peakMemoryByteCount)) of memory"
    ]
    for output in outputs {
      lines.append("written    \(output.folder.path(percentEncoded: false))")
    }
    let path = outputs.first?.folder.path(percentEncoded: false) ?? ""
    lines.append(
      blocks.isEmpty
        ? "verify     autoround verify \(shellWord(path)) --source \(shellWord(model))"
        : "evaluate   autoround evaluate \(shellWord(path)) --text FILE --against \(shellWord(model))"
    )
    return lines
  }
}

extension [BlockReport] {
  /// A row for each block.
  func table(_ styling: Styling, _ width: Int?) -> [String] {
    let rows = map { block in
      [
        block.name, Quantities.loss(block.initialLoss), Quantities.loss(block.bestLoss),
        "\(block.bestIteration)", Quantities.loss(block.rtnLoss), Quantities.loss(block.finalLoss),
        Quantities.percent(block.gain),
      ]
    }
    var table = Table(
      header: [
        "block", "loss before", "best", "at step", "all samples: rounded", "tuned", "gain",
      ], rows: rows
    ).lines(width: width)
    table[0] = styling.heading(table[0])
    return table
  }
}
