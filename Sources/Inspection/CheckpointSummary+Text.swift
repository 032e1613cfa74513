import Diagnostics
import Foundation
import Tensors

extension CheckpointSummary {
  /// The summary as lines for people.
  package var lines: [String] {
    var rows: [(String, String)] = [
      ("architecture", architecture + (structure == nil ? " (not supported)" : ""))
    ]
    if let unsupportedReason { rows.append(("", unsupportedReason)) }
    rows.append(("parameters", Quantities.count(parameterCount)))
    if let structure {
      rows += [
        ("blocks", "\(structure.blockCount), hidden size \(structure.hiddenSize)"),
        (
          "vocabulary",
          "\(Quantities.count(structure.vocabularySize)), "
            + (structure.hasTiedHead ? "head tied to the embedding" : "separate head")
        ),
        ("positions", Quantities.count(structure.positionLimit)),
      ]
    }
    let types = bytesByType.map { "\($0.dtype.rawValue) \(Quantities.bytes($0.byteCount))" }
    rows.append(
      (
        "size",
        "\(Quantities.bytes(byteCount)) in \(tensorCount) tensors: \(types.joined(separator: ", "))"
      ))
    if let tokenizer {
      rows.append(("tokenizer", "\(Quantities.count(tokenizer.vocabularySize)) tokens"))
      rows += tokenizer.remarks.map { ("", $0) }
    } else if let tokenizerProblem {
      rows.append(("tokenizer", "cannot be read: \(tokenizerProblem)"))
    }
    rows += file?.rows ?? quantization?.rows ?? [("quantized", "no")]
    return [folder]
      + rows.map {
        $0.padding(toLength: 14, withPad: " ", startingAt: 0) + $1
      }
  }
}

extension CheckpointSummary.Quantization {
  fileprivate var rows: [(String, String)] {
    guard !groups.isEmpty else { return [("quantized", "with \(method), which is not read")] }
    var rows = [
      ("quantized", "\(method), \(Quantities.decimal(bitsPerWeight)) bits per quantized weight")
    ]
    for group in groups {
      rows.append(
        (
          "",
          "\(group.layerCount) layers: \(group.scheme) "
            + "(\(Quantities.decimal(group.bitsPerWeight)) bits, \(Quantities.bytes(group.byteCount)))"
        ))
    }
    if let readAs { rows.append(("", "read as \(readAs.rawValue), as a source in full precision")) }
    if let keysAndValues { rows.append(("", "keys and values: \(keysAndValues)")) }
    if !ignored.isEmpty {
      rows.append(("", "left as they are: \(ignored.joined(separator: ", "))"))
    }
    return rows
  }
}
