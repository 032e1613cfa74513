import Diagnostics
import Quantization
import Recipes
import TestSupport
import Testing

/// Schemes that are said in numbers: bits, zero points or none, weights of a group.
@Suite struct SchemeInNumbersTests {
  private func resolved(
    _ recipe: AutoRoundOptions? = nil, scheme: String? = nil,
    _ set: (inout OptionOverrides) -> Void
  ) throws -> ResolvedOptions {
    try ResolvedOptions(overrides: OptionOverrides(scheme: scheme, set), recipe: recipe)
  }

  @Test(
    arguments: [
      (3, true, nil, "W3A16"), (2, false, nil, "W2A16_ASYM"), (nil, false, nil, "W4A16_ASYM"),
      (nil, true, nil, "W4A16"), (3, false, 64, "W3A16G64_ASYM"), (8, nil, 32, "W8A16G32"),
      (nil, nil, 64, "W4A16G64"), (4, nil, 128, "W4A16"),
    ] as [(Int?, Bool?, Int?, String)])
  func areThoseOfAPreset(bitCount: Int?, isSymmetric: Bool?, size: Int?, preset: String) throws {
    let options = try resolved {
      $0.weightBitCount = bitCount
      $0.isSymmetric = isSymmetric
      $0.groupSize = size
    }
    #expect(options.groups.map(\.scheme) == [try .preset(named: preset)])
    #expect(options.ignore == ["lm_head"])
    // What is recorded says the numbers, which every reader of recipes knows, and reads back as the same run.
    let yaml = options.recipe.yaml
    let weights = try #require(options.groups[0].scheme.weights)
    #expect(yaml.contains("num_bits: \(weights.bitCount)"), "\(yaml)")
    #expect(yaml.contains("group_size: \(weights.groupSize ?? 0)"), "\(yaml)")
    #expect(!yaml.contains("W\(weights.bitCount)"), "\(yaml)")
    #expect(try ResolvedOptions(recipe: Recipe(yaml).autoRoundOptions()) == options)
  }

  @Test func groupsOfWholeRows() throws {
    let options = try resolved {
      $0.weightBitCount = 5
      $0.groupSize = -1
    }
    let weights = QuantizationArguments(bitCount: 5, strategy: .channel)
    #expect(
      options.groups.map(\.scheme) == [QuantizationScheme(targets: ["Linear"], weights: weights)])
    #expect(options.schemeSummary == "5-bit int symmetric, per channel")
    #expect(try ResolvedOptions(recipe: Recipe(options.recipe.yaml).autoRoundOptions()) == options)
  }

  @Test(
    arguments: [
      ("W4A16", 4, true, 64), ("W3A8", 3, nil, 32), ("W4A16G64", nil, nil, 64),
      ("w2a16g32_asym", 2, false, 32), ("W8A8", 8, true, nil),
    ] as [(String, Int?, Bool?, Int?)])
  func mayRepeatAScheme(scheme: String, bitCount: Int?, isSymmetric: Bool?, size: Int?) throws {
    let options = try resolved(scheme: scheme) {
      $0.weightBitCount = bitCount
      $0.isSymmetric = isSymmetric
      $0.groupSize = size
    }
    var expected = try QuantizationScheme.preset(named: scheme)
    if let size { expected.weights?.groupSize = size }
    #expect(options.groups.map(\.scheme) == [expected])
  }

  @Test(
    arguments: [
      (
        "W4A16", 3, nil, nil,
        "weightBitCount: 3: contradicts the scheme W4A16, which is 4-bit int symmetric, groups of 128"
      ),
      ("W4A16", nil, false, nil, "isSymmetric: false: contradicts the scheme W4A16"),
      ("W4A16_ASYM", nil, true, nil, "isSymmetric: true: contradicts the scheme W4A16_ASYM"),
      ("W4A16G64", nil, nil, 32, "groupSize: 32: contradicts the scheme W4A16G64"),
      ("W4A16G64", nil, nil, -1, "groupSize: -1: contradicts the scheme W4A16G64"),
      ("FP8", 8, nil, nil, "weightBitCount: 8: contradicts the scheme FP8, which is 8-bit float"),
      ("GGUF:Q4_K_M", 4, nil, nil, "weightBitCount: 4: contradicts the scheme GGUF:Q4_K_M"),
      ("W8A8", nil, nil, 64, "groupSize: no scheme has integer weights in groups"),
      ("W4A16", 9, nil, nil, "weightBitCount must be a whole number from 2 to 8; it is 9"),
      (
        "W4A16", nil, nil, 0,
        "groupSize must be a whole number from 1 to 2147483648, or -1 for whole rows; it is 0"
      ),
      ("W4A16", nil, nil, -2, "or -1 for whole rows; it is -2"),
    ] as [(String, Int?, Bool?, Int?, String)])
  func refusesContradictions(
    scheme: String, bitCount: Int?, isSymmetric: Bool?, size: Int?, message: String
  ) {
    let error = expectInputError(.invalidValue) {
      try resolved(scheme: scheme) {
        $0.weightBitCount = bitCount
        $0.isSymmetric = isSymmetric
        $0.groupSize = size
      }
    }
    #expect(error?.description.contains(message) == true, "\(String(describing: error))")
  }

  /// As a preset that is asked for directly does, they go before a recipe, all of its groups at once; a size alone
  /// changes the recipe's groups.
  @Test func goBeforeARecipe() throws {
    let recipe = try Recipe(
      """
      AutoRoundModifier:
        iters: 7
        config_groups:
          a: {targets: [q_proj], weights: {num_bits: 4, group_size: 32}}
          b: {targets: [k_proj], weights: {num_bits: 8, type: float, strategy: channel}}
      """
    ).autoRoundOptions()
    let three = try resolved(recipe) { $0.weightBitCount = 3 }
    #expect(three.groups.map(\.scheme) == [try .preset(named: "W3A16")])
    #expect(three.iterations == 7)
    let size = try resolved(recipe) { $0.groupSize = 64 }
    #expect(size.groups.map(\.scheme.weights?.groupSize) == [64, nil])
    #expect(size.groups.map(\.name) == ["a", "b"])
    // What a program says beside its own scheme must agree with it.
    expectInputError(.invalidValue, mentioning: ["contradicts a scheme"]) {
      var options = recipe
      options.weightBitCount = 4
      return try ResolvedOptions(recipe: options)
    }
  }

  @Test func smallGroupsHaveNames() throws {
    #expect(QuantizationScheme.smallGroupPresets.count == 28)
    #expect(
      QuantizationScheme.inShort(QuantizationScheme.smallGroupPresets)
        == "W2A16G64 to W8A16G64, W2A16G64_ASYM to W8A16G64_ASYM, W2A16G32 to W8A16G32, "
        + "W2A16G32_ASYM to W8A16G32_ASYM")
    for name in QuantizationScheme.smallGroupPresets {
      let scheme = try QuantizationScheme.preset(named: name.lowercased())
      try scheme.requireSupported()
      #expect(scheme.weights?.groupSize == (name.contains("G64") ? 64 : 32))
      #expect(scheme.weights?.isSymmetric == !name.hasSuffix("_ASYM"))
      #expect(scheme.weights.map { name.hasPrefix("W\($0.bitCount)A16G") } == true)
      #expect(scheme.inputActivations == nil)
    }
    expectInputError(.invalidValue, mentioning: ["did you mean W4A16G64?"]) {
      try QuantizationScheme.preset(named: "W4A16_G64")
    }
    for (name, own) in [("FP8_STATIC", "FP8"), ("int8_w8a8", "W8A8"), ("BF16", "UNQUANTIZED")] {
      expectInputError(.invalidValue, mentioning: ["did you mean \(own)?"]) {
        try QuantizationScheme.preset(named: name)
      }
    }
    #expect(QuantizationScheme.name("W3A8", withGroupsOf: 48) == "W3A8G48")
    #expect(QuantizationScheme.name("W3A16_ASYM", withGroupsOf: -1) == "W3A16_ASYM_CHANNEL")
    #expect(QuantizationScheme.name("W3A16G64_ASYM", withGroupsOf: 64) == "W3A16G64_ASYM")
  }
}
