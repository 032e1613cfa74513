import Diagnostics
import Quantization

/// Schemes of integer weights that are said in numbers rather than by a name: `--bits 3 --group-size 64 --asym`.
extension OptionValues {
  private var bitCount: Int? { self[RunOptions.table.weightBitCount] }
  private var isSymmetric: Bool? { self[RunOptions.table.isSymmetric] }
  private var groupSize: Int? { self[RunOptions.table.groupSize] }

  /// The preset that bits and symmetry stand for, in groups of the usual size; nil where neither is set.
  package var presetInNumbers: String? {
    guard bitCount != nil || isSymmetric != nil else { return nil }
    return "W\(bitCount ?? 4)A16" + (isSymmetric == false ? "_ASYM" : "")
  }

  /// What a scheme is called whose groups get the size that is set: `W4A16G64`.
  package func schemeName(_ preset: String) -> String {
    groupSize.map { QuantizationScheme.name(preset, withGroupsOf: $0) } ?? preset
  }

  /// Whether any of the numbers is set.
  package var haveScheme: Bool { presetInNumbers != nil || groupSize != nil }

  /// The same without the numbers, which are part of the scheme now.
  var withoutScheme: OptionValues {
    var others = self
    others[RunOptions.table.weightBitCount] = nil
    others[RunOptions.table.isSymmetric] = nil
    others[RunOptions.table.groupSize] = nil
    return others
  }

  /// Refuses a scheme that has other numbers than those that are set.
  ///
  /// - Parameter preset: The preset that was asked for beside them. One that names the size of its groups has no other.
  func requireAgreement(
    with groups: [AutoRoundOptions.ConfigGroup], preset: String?
  ) throws(InputError) {
    func require(
      _ isMet: (QuantizationArguments) -> Bool, _ option: String
    ) throws(InputError) {
      for weights in groups.compactMap(\.scheme.weights) where !isMet(weights) {
        let name = preset.map { "the scheme \($0.uppercased())" } ?? "a scheme"
        throw InputError(
          .invalidValue, source: option,
          "contradicts \(name), which is \(weights.text); keep one of them")
      }
    }
    func isPlainInteger(_ weights: QuantizationArguments) -> Bool {
      weights.type == .int && weights.blocks == nil
    }
    if let bitCount {
      try require(
        { isPlainInteger($0) && $0.bitCount == bitCount }, OptionName.weightBitCount.with(bitCount))
    }
    if let isSymmetric {
      try require(
        { isPlainInteger($0) && $0.isSymmetric == isSymmetric },
        OptionName.isSymmetric.set(to: isSymmetric))
    }
    if let groupSize, let preset,
      QuantizationScheme.smallGroupPresets.contains(preset.uppercased())
    {
      try require({ $0.groupSize == groupSize }, OptionName.groupSize.with(groupSize))
    }
  }
}

extension [AutoRoundOptions.ConfigGroup] {
  /// The groups with another size for integer weights that share a scale; -1 for whole rows.
  func withGroups(of size: Int) throws(InputError) -> Self {
    func isInGroups(_ group: AutoRoundOptions.ConfigGroup) -> Bool {
      group.scheme.weights?.type == .int && group.scheme.weights?.strategy == .group
        && group.scheme.weights?.blocks == nil
    }
    guard contains(where: isInGroups) else {
      throw InputError(
        .invalidValue, source: OptionName.groupSize.description,
        "no scheme has integer weights in groups, which are what it is about")
    }
    var groups = self
    for index in indices where isInGroups(self[index]) {
      groups[index].scheme.weights?.groupSize = size == -1 ? nil : size
      if size == -1 { groups[index].scheme.weights?.strategy = .channel }
    }
    return groups
  }
}
