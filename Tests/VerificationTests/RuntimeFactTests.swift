import Foundation
import JSONText
import TestSupport
import Testing
import Verification

/// What docs/FORMATS.md says of runtimes is what the program says.
@Suite struct RuntimeFactTests {
  private static let token = #""strategy": "token", "dynamic": true"#

  /// A scheme as the configuration has it.
  private struct Scheme {
    var bitCount = 4
    var isSymmetric = true
    var sharing = #""strategy": "group", "group_size": 128"#
    var inputs = "null"

    static func integers(_ bitCount: Int, _ rest: String) -> String {
      #"{"num_bits": \#(bitCount), "type": "int", "symmetric": true, \#(rest)}"#
    }

    /// What is said of a checkpoint with such layers.
    func line(_ format: String) throws -> String {
      let text = """
        {"architectures": ["X"], "model_type": "x", "quantization_config": {
          "quant_method": "compressed-tensors", "quantization_status": "compressed", "format": "\(format)",
          "config_groups": {"group_0": {"targets": ["Linear"], "input_activations": \(inputs),
            "weights": {"num_bits": \(bitCount), "type": "int", "symmetric": \(isSymmetric), \(sharing)}}}}}
        """
      let report = VerificationReport(
        planned: try JSONValue.parse(Array(text.utf8)), layers: ["a": ([256, 256], true)])
      return try #require(report.runtimes.first { $0.name == "vLLM" }).line
    }
  }

  private static let groups = #""strategy": "group", "group_size": 128"#
  private static let rows = #""strategy": "channel""#
  private static let tensor = #""strategy": "tensor""#

  private static func schemes(
    _ bitCount: some Sequence<Int>, symmetric: [Bool] = [true], _ sharings: [String],
    _ inputs: [String] = ["null"]
  ) -> [Scheme] {
    bitCount.flatMap { bitCount in
      symmetric.flatMap { isSymmetric in
        sharings.flatMap { sharing in
          inputs.map {
            Scheme(bitCount: bitCount, isSymmetric: isSymmetric, sharing: sharing, inputs: $0)
          }
        }
      }
    }
  }

  /// The first three cells of each row of the document, and the schemes that they mean.
  private static let cases: [(cells: String, format: String, schemes: [Scheme])] = {
    let (packed, inBytes) = ("pack-quantized", "int-quantized")
    let tokens = [4, 8].map { Scheme.integers($0, token) }
    let fixed = Scheme.integers(8, #""strategy": "tensor""#)
    let fp8 = #"{"num_bits": 8, "type": "float", "symmetric": true, \#(token)}"#
    let sizes = [32, 64, 128].map { #""strategy": "group", "group_size": \#($0)"# }
    let other = #""strategy": "group", "group_size": 16"#
    let both = [true, false]
    return [
      (
        "4 and 8 bits, groups of 32, 64, 128, or rows | as they are", packed,
        schemes([4, 8], symmetric: both, sizes + [rows])
      ),
      (
        "4 and 8 bits, other groups | as they are", packed,
        schemes([4, 8], symmetric: both, [other])
      ),
      (
        "2, 3, 5, 6, 7 bits, symmetric, groups or rows | as they are", packed,
        schemes([2, 3, 5, 6, 7], [groups, rows])
      ),
      (
        "2, 3, 5, 6, 7 bits, asymmetric, groups or rows | as they are", packed,
        schemes([2, 3, 5, 6, 7], symmetric: [false], [groups, rows])
      ),
      (
        "2 to 8 bits, symmetric, groups or rows | 4- or 8-bit integers for each token", packed,
        schemes(2...8, [groups, rows], tokens)
      ),
      ("4 bits, symmetric, groups | FP8 for each token", packed, schemes([4], [groups], [fp8])),
      ("one scale for a tensor | as they are", packed, schemes(2...8, symmetric: both, [tensor])),
      (
        "8 bits, symmetric, rows or tensor | 8-bit integers for each token, or static", inBytes,
        schemes([8], [rows, tensor], [tokens[1], fixed])
      ),
      (
        "4 bits, symmetric, groups or rows | 8-bit integers for each token", inBytes,
        schemes([4], [groups, rows], [tokens[1]])
      ),
      ("integers | as they are", inBytes, schemes(2...8, symmetric: both, [groups, rows, tensor])),
    ]
  }()

  @Test func theDocumentSaysWhatTheTableSays() throws {
    let file = Fixtures.package.appending(path: "docs/FORMATS.md")
    let text = try String(contentsOf: file, encoding: .utf8)
    let rows = text.split(separator: "\n").filter { $0.contains(" | vLLM: ") }
    #expect(rows.count == Self.cases.count)
    for (row, expected) in zip(rows, Self.cases) {
      #expect(!expected.schemes.isEmpty)
      for scheme in expected.schemes {
        let line = try scheme.line(expected.format)
        #expect(row == "| \(expected.cells) | `\(expected.format)` | \(line) |", "\(scheme)")
      }
    }
  }
}
