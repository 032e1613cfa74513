import Diagnostics
import Evaluation
import Foundation
import QuantizedCheckpoints
import Verification

/// `report.html`: a run on one page that needs nothing but itself, and no script.
struct HTMLReport {
  let record: RunRecord

  var text: String {
    let name = Markup.escaped(record.output.folder.lastPathComponent)
    return """
      <!doctype html>
      <html lang="en">
      <head>
      <meta charset="utf-8">
      <meta name="viewport" content="width=device-width,initial-scale=1">
      <meta name="color-scheme" content="light dark">
      <title>\(name)</title>
      <style>\(ReportStyle.text)</style>
      </head>
      <body>
      <h1>\(name)</h1>
      <p class="lead">\(Markup.escaped(record.baseModel)), quantized with AutoRound: \
      \(Markup.escaped(record.description.scheme)).</p>
      \(tiles)
      \(warnings)\(Markup.table(summary))
      \(blocks)<h2>How it was made</h2>
      \(Markup.table(provenance))
      </body>
      </html>

      """
  }

  /// The numbers that are asked for first, each with what it is compared with.
  private var tiles: String {
    let report = record.report
    var tiles = [
      (
        "size", Quantities.bytes(record.output.byteCount),
        "of \(Quantities.bytes(report.sourceByteCount))"
      ),
      ("bits per weight", Quantities.decimal(record.output.bitsPerWeight), "of quantized layers"),
    ]
    if let quality = report.quality, let comparison = quality.comparison {
      let change = quality.perplexity / comparison.referencePerplexity - 1
      tiles += [
        (
          "perplexity", Quantities.decimal(quality.perplexity),
          "source \(Quantities.decimal(comparison.referencePerplexity))"
            + (change.isFinite ? " (\(change < 0 ? "" : "+")\(Quantities.percent(change)))" : "")
        ),
        (
          "KL divergence", Quantities.significant(comparison.klDivergenceMean),
          comparison.rounded.map {
            "plain rounding \(Quantities.significant($0.klDivergenceMean))"
          } ?? "nats, from the source"
        ),
        ("same likeliest token", Quantities.percent(comparison.sameTopToken), "as the source"),
      ]
    }
    tiles.append(
      (
        "time", Quantities.duration(seconds: report.seconds),
        "at most \(Quantities.bytes(report.peakMemoryByteCount)) of memory"
      ))
    let items = tiles.map { name, value, remark in
      "<div><dt>\(name)</dt><dd><b>\(Markup.escaped(value))</b>"
        + "<span>\(Markup.escaped(remark))</span></dd></div>"
    }
    return "<dl class=\"tiles\">\n\(items.joined(separator: "\n"))\n</dl>"
  }

  private var summary: [(name: String, value: String)] {
    let verification = record.verification
    let isSound = verification.findings.isEmpty
    let line =
      "\(verification.tensorCount) tensors, \(verification.quantizedLayerCount) quantized layers"
      + (isSound ? "" : ": \(verification.countOfFindings)")
    return record.facts + [(isSound ? "verified" : "checked", line)]
      + verification.runtimes.map { ($0.name, $0.statement) }
  }

  private var provenance: [(name: String, value: String)] {
    let (run, report) = (record.description, record.report)
    return [
      (
        "program",
        "autoround \(ProgramVersion.current), format of \(record.readers.name) "
          + record.readers.version
      ),
      (
        "command",
        record.reporting.commandLine.isEmpty
          ? "none: called as a library"
          : record.reporting.commandLine.map(shellWord).joined(separator: " ")
      ),
      ("architecture", run.architecture),
      ("tuning", run.tuning), ("calibration", run.calibration),
      ("its beginning", run.calibrationExcerpt),
      (
        "compute",
        "\(run.computeType) on \(run.device) (\(run.instructionSet)), threads: \(run.threadCount)"
      ),
    ]
      + ProgramVersion.surroundings
      + (run.matrixLibrary.isEmpty ? [] : [("matrix products", run.matrixLibrary)]) + [
        ("time", Quantities.duration(seconds: report.seconds)),
        ("memory", "at most \(Quantities.bytes(report.peakMemoryByteCount))"),
      ]
  }

  /// The charts of blocks, and their numbers; empty for a run that had none.
  private var blocks: String {
    let blocks = record.report.blocks
    guard !blocks.isEmpty else { return "" }
    let map = LayerHeatMap(blocks).html
    let curves = LossChart.curves(blocks)
    return """
      <h2>Loss of each block</h2>
      \(LossChart.blocks(blocks))
      \(PositionChart.html(record.report.quality))\(map.isEmpty ? "" : "<h2>Layers</h2>\n\(map)")\
      \(ExpertChart.html(blocks))<h2>Blocks in numbers</h2>
      \(blockTable)
      \(curves)
      """
  }

  private var blockTable: String {
    let blocks = Markup.chosen(record.report.blocks, limit: 400)
    let rows = blocks.map { block in
      let cells = [
        Quantities.loss(block.initialLoss), Quantities.loss(block.bestLoss),
        Quantities.loss(block.rtnLoss), Quantities.loss(block.finalLoss),
        Quantities.percent(block.gain), Quantities.duration(seconds: block.seconds),
      ]
      return "<tr><th scope=\"row\">\(Markup.escaped(block.name))</th>"
        + cells.map { "<td>\($0)</td>" }.joined() + "</tr>"
    }
    let remark = LossChart.remark(blocks.count, of: record.report.blocks.count)
    return """
      <div class="wide"><table class="numbers"><thead><tr><th>block</th><th>first batch</th><th>best batch</th>\
      <th>all samples, rounded</th><th>tuned</th><th>gain</th><th>time</th></tr></thead><tbody>
      \(rows.joined(separator: "\n"))
      </tbody></table></div>\(remark.isEmpty ? "" : "\n<p>\(remark.dropFirst(2)).</p>")
      """
  }

  /// All warnings; many are folded away.
  private var warnings: String {
    let warnings = record.report.warnings
    guard !warnings.isEmpty else { return "" }
    let items = warnings.map { "<li>\(Markup.escaped($0))</li>" }.joined(separator: "\n")
    return "<details class=\"warnings\"\(warnings.count > 5 ? "" : " open")>"
      + "<summary>\(counted(warnings.count, "warning"))</summary>\n<ul>\(items)</ul></details>\n"
  }
}
