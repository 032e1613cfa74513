import Quantization

/// What configurations of these families say of a layer's integers.
struct ColumnScheme: Hashable {
  let bitCount: Int
  let isSymmetric: Bool
  /// Columns that share a scale; nil for whole rows.
  let groupSize: Int?

  init(_ weights: QuantizationArguments) {
    bitCount = weights.bitCount
    isSymmetric = weights.isSymmetric
    groupSize = weights.strategy == .group ? weights.groupSize : nil
  }

  /// As `group_size` has it.
  var storedGroupSize: Int { groupSize ?? -1 }

  /// Whether vLLM has fast kernels for such integers of GPTQ.
  var isFastInGPTQ: Bool { isSymmetric && [4, 8].contains(bitCount) }

  /// In words: `4-bit asymmetric integers in groups of 128`.
  var summary: String {
    "\(bitCount)-bit \(isSymmetric ? "symmetric" : "asymmetric") integers "
      + (groupSize.map { "in groups of \($0)" } ?? "with a scale for each row")
  }

  /// The one that most layers have; of those that as many have, the first in the order of their words.
  static func usual(of schemes: some Sequence<ColumnScheme>) -> ColumnScheme? {
    let counts = Dictionary(schemes.map { ($0, 1) }, uniquingKeysWith: +)
    return counts.min { ($1.value, $0.key.summary) < ($0.value, $1.key.summary) }?.key
  }
}
