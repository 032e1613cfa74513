import Diagnostics
import JSONText
import QuantizedCheckpoints

/// How the integers and zero points of a layer lie in words.
enum Packing: Sendable {
  /// By columns, with the group of each column beside them; one is taken away from zero points.
  case gptq
  /// The same with zero points as they are.
  case gptqV2
  /// Eight outputs in a word.
  case awq
  /// By columns, zero points as they are.
  case autoRound
  /// By columns; one is taken away from zero points.
  case autoRoundGPTQ

  /// The bits that it holds.
  var bitCounts: [Int] { isInterleaved ? [4] : [2, 3, 4, 8] }

  var isInterleaved: Bool { self == .awq }

  /// What `packing_format` of auto_round calls it.
  var name: String {
    switch self {
    case .gptq, .autoRoundGPTQ: "auto_round:auto_gptq"
    case .awq: "auto_round:auto_awq"
    case .gptqV2, .autoRound: "auto_round"
    }
  }

  /// The tensors of a layer.
  var parts: [any LayerPart] {
    let codes: any LayerPart = isInterleaved ? InterleavedCodes() : ColumnCodes()
    let offset: UInt8 = self == .gptq || self == .autoRoundGPTQ ? 1 : 0
    let parts: [any LayerPart] = [
      codes, ColumnZeroPoints(offset: offset, isInterleaved: isInterleaved), ColumnScales(),
    ]
    return self == .gptq || self == .gptqV2 ? [ColumnGroups()] + parts : parts
  }

  /// Reads which one a configuration means.
  ///
  /// - Throws: `unsupported` for another one.
  init(of method: GPTQ.Method, _ fields: JSONReader) throws(InputError) {
    let (key, known): (String, [(String, Packing)]) =
      switch method {
      case .gptq: ("checkpoint_format", [("gptq", .gptq), ("gptq_v2", .gptqV2)])
      case .awq: ("version", [("gemm", .awq)])
      case .autoRound:
        (
          "packing_format",
          [
            ("auto_round:auto_gptq", .autoRoundGPTQ), ("auto_round:auto_awq", .awq),
            ("auto_round", .autoRound), ("auto_round:gptqmodel", .autoRoundGPTQ),
          ]
        )
      }
    guard let reader = try fields.optional(key) else {
      self = known[0].1
      return
    }
    let name = try reader.string()
    guard let packing = known.first(where: { $0.0 == name.lowercased() }) else {
      throw InputError(
        .unsupported, place: reader.path,
        "found \(quoted(name)), expected \(known.map(\.0).joined(separator: " or "))")
    }
    self = packing.1
  }
}
