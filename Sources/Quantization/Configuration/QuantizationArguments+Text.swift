import WeightBlocks

extension QuantizationScheme {
  /// The scheme in words: `8-bit int symmetric, per channel; inputs: 8-bit int symmetric, per token`.
  package var summary: String {
    (weights.map(\.text) ?? "not quantized")
      + (inputActivations.map { "; inputs: \($0.text)" } ?? "")
  }
}

extension QuantizationArguments {
  /// The arguments in words: `4-bit int symmetric, groups of 128`.
  package var text: String {
    if let blocks { return "\(blocks.name) blocks" }
    let symmetry = type == .float ? "" : isSymmetric ? " symmetric" : " asymmetric"
    return "\(summary)\(symmetry), \(sharing)"
  }

  /// What has a scale, in words: `groups of 128`.
  package var sharing: String {
    switch strategy {
    case .tensor: "per tensor"
    case .channel: "per channel"
    case .group, .tensorGroup: "groups of \(groupSize ?? 0)"
    case .block: "blocks of \((blockStructure ?? []).map(String.init).joined(separator: "x"))"
    case .token: "per token"
    case .attentionHead: "per head"
    }
  }
}
