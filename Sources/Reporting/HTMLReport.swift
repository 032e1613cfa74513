import Diagnostics
import Foundation
import Quantization
import QuantizedCheckpoints
import Verification

/// `report.html`: a run on one page that needs nothing but itself.
struct HTMLReport {
  let record: RunRecord

  var text: String {
    let name = LossChart.escaped(record.output.folder.lastPathComponent)
    let curves = record.report.blocks.map(LossChart.curve).filter { !$0.isEmpty }
    return """
      <!doctype html>
      <html lang="en">
      <head>
      <meta charset="utf-8">
      <title>\(name)</title>
      <style>\(Self.style)</style>
      </head>
      <body>
      <h1>\(name)</h1>
      \(table(summary))
      <h2>Loss of each block</h2>
      <p><span class="rounded">■</span> rounded to nearest, <span class="before">■</span> before the first \
      step, <span class="tuned">■</span> tuned; mean squared error of the block's output, on all samples, \
      and before the first step on its batch.</p>
      \(LossChart.blocks(record.report.blocks))
      \(blockTable)
      \(curves.isEmpty ? "" : "<h2>Losses of the steps</h2>\n<div>\(curves.joined(separator: "\n"))</div>")
      <h2>How it was made</h2>
      \(table(provenance))
      \(warnings)</body>
      </html>

      """
  }

  private var summary: [(String, String)] {
    let verification = record.verification
    let isSound = verification.findings.isEmpty
    return [("made from", record.baseModel), ("scheme", record.description.scheme)] + record.facts
      + [
        (
          isSound ? "verified" : "checked",
          "\(verification.tensorCount) tensors, \(verification.quantizedLayerCount) quantized layers"
            + (isSound ? "" : ": \(verification.countOfFindings)")
        )
      ] + verification.runtimes.map { ($0.name, $0.line) }
  }

  private var provenance: [(String, String)] {
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
      + ProgramVersion.surroundings.map { ($0.name, $0.value) }
      + (run.matrixLibrary.isEmpty ? [] : [("matrix products", run.matrixLibrary)]) + [
        ("time", Quantities.duration(seconds: report.seconds)),
        ("memory", "at most \(Quantities.bytes(report.peakMemoryByteCount))"),
      ]
  }

  private var blockTable: String {
    let rows = record.report.blocks.map { block in
      [
        block.name, Quantities.loss(block.initialLoss), Quantities.loss(block.bestLoss),
        Quantities.loss(block.rtnLoss), Quantities.loss(block.finalLoss),
        Quantities.percent(block.gain), Quantities.duration(seconds: block.seconds),
      ].map { "<td>\(LossChart.escaped($0))</td>" }.joined()
    }
    return """
      <table class="numbers"><tr><th>block</th><th>first batch</th><th>best batch</th>\
      <th>all samples, rounded</th><th>tuned</th><th>gain</th><th>time</th></tr>
      \(rows.map { "<tr>\($0)</tr>" }.joined(separator: "\n"))
      </table>
      """
  }

  private var warnings: String {
    guard !record.report.warnings.isEmpty else { return "" }
    return "<h2>Warnings</h2>\n<ul>"
      + record.report.warnings.map { "<li>\(LossChart.escaped($0))</li>" }.joined(separator: "\n")
      + "</ul>\n"
  }

  private func table(_ rows: [(String, String)]) -> String {
    let lines = rows.map {
      "<tr><th>\(LossChart.escaped($0.0))</th><td>\(LossChart.escaped($0.1))</td></tr>"
    }
    return "<table>\n\(lines.joined(separator: "\n"))\n</table>"
  }

  private static let style = """
    body{font:15px/1.5 system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem;\
    color:#222;background:#fff}
    table{border-collapse:collapse;margin:1rem 0}
    th,td{text-align:left;vertical-align:top;padding:.15rem .8rem .15rem 0;font-weight:normal}
    th{color:#667}.numbers td+td,.numbers th+th{text-align:right}
    svg{font:10px system-ui,sans-serif;max-width:100%;fill:#667}
    rect.before{fill:#d9a441}span.before{color:#d9a441}rect.rounded{fill:#b9c3d0}rect.tuned{fill:#2266aa}span.rounded{color:#b9c3d0}span.tuned{color:#26a}
    polyline{fill:none;stroke:#2266aa;stroke-width:1}
    @media (prefers-color-scheme:dark){body{color:#ddd;background:#181a1e}th{color:#9aa}}
    """
}
