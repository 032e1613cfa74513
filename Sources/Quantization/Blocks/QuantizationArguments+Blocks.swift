package import Diagnostics
import Tensors
package import WeightBlocks

extension QuantizationArguments {
  /// The arguments of weights in blocks of GGUF.
  ///
  /// Where blocks have nothing but a scale, these are symmetric integers in groups like any others, whose scales are tuned.
  /// Of the other types scales and minimums are searched, because they are integers with scales of their own, or belong
  /// together; then they stay, and codes alone are tuned.
  package init(_ type: BlockType) {
    self.init(
      bitCount: type.bitCount, isSymmetric: !type.isAsymmetric, strategy: .group,
      groupSize: type.groupSize)
    if case .scaleBlocks(let type) = type, !type.isAsymmetric { return }
    blocks = type
  }

  /// Refuses weights that only blocks of GGUF hold.
  package func requireOwnScales() throws(InputError) {
    guard let found = blocks?.name ?? tunedScaleDType.map({ "scales in \($0.rawValue)" }) else {
      return
    }
    throw InputError(
      .unsupported, place: "weights",
      "found \(found), which a file of llama.cpp alone holds; expected a scheme of integers or floats with scales in the type of the source"
    )
  }
}

extension QuantizationScheme {
  /// What names of schemes begin with that are types of GGUF files.
  package static let blockPrefix = "GGUF:"

  /// The types of files that blocks are tuned for, as schemes are called after them, with what a tensor is of which no rule says
  /// otherwise. Which layers get another type follows from the model.
  private static let blockPresets: [(name: String, type: BlockType)] = [
    ("Q4_0", .scaleBlocks(.q40)), ("Q4_1", .scaleBlocks(.q41)), ("Q5_0", .scaleBlocks(.q50)),
    ("Q5_1", .scaleBlocks(.q51)), ("Q8_0", .scaleBlocks(.q80)), ("Q2_K", .superBlocks(.q2K)),
    ("Q2_K_S", .superBlocks(.q2K)), ("Q3_K_S", .superBlocks(.q3K)),
    ("Q3_K_M", .superBlocks(.q3K)), ("Q3_K_L", .superBlocks(.q3K)),
    ("Q4_K_S", .superBlocks(.q4K)), ("Q4_K_M", .superBlocks(.q4K)),
    ("Q5_K_S", .superBlocks(.q5K)), ("Q5_K_M", .superBlocks(.q5K)), ("Q6_K", .superBlocks(.q6K)),
  ]

  /// The scheme that a type of GGUF files is asked for by, `GGUF:Q4_K_M`; nil for other names.
  ///
  /// - Throws: `invalidValue` for a type that there is no scheme for.
  static func blockPreset(
    named upper: String, targets: [String]
  ) throws(InputError) -> QuantizationScheme? {
    guard upper.hasPrefix(blockPrefix) else { return nil }
    let name = upper.dropFirst(blockPrefix.count)
    guard let preset = blockPresets.first(where: { $0.name == name }) else {
      throw InputError(
        .invalidValue,
        "unknown scheme \(quoted(upper)), expected \(blockPrefix) and one of "
          + blockPresets.map(\.name).joined(separator: ", "))
    }
    return QuantizationScheme(targets: targets, weights: QuantizationArguments(preset.type))
  }
}
