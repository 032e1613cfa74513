import Diagnostics
import Quantization
import TestSupport
import Testing

/// Which module gets which scheme.
@Suite struct SchemeResolutionTests {
  static let modules =
    [ModuleDescription(name: "model.embed", className: "Embedding", shape: [9, 4])]
    + ["model.0.attn.q", "model.0.attn.k", "model.0.mlp.up", "model.1.attn.q", "lm_head"].map {
      ModuleDescription(name: $0, shape: [4, 4])
    }

  private func scheme(_ bitCount: Int, _ targets: String...) -> QuantizationScheme {
    QuantizationScheme(
      targets: targets, weights: QuantizationArguments(bitCount: bitCount, strategy: .channel))
  }

  /// Bits by module.
  private func resolve(
    _ schemes: [QuantizationScheme], ignore: [String] = [],
    origin: SchemeResolution.Origin = .checkpoint
  ) throws -> [String: Int] {
    let groups = schemes.enumerated().map { ("group_\($0.offset)", $0.element) }
    return try SchemeResolution.resolve(
      groups: groups, ignore: ignore, modules: Self.modules, origin: origin
    ).schemes.compactMapValues { $0.weights?.bitCount }
  }

  @Test func classNamesMeanAllLinearLayers() throws {
    #expect(
      try resolve([scheme(4, "Linear")], ignore: ["lm_head"])
        == ["model.0.attn.q": 4, "model.0.attn.k": 4, "model.0.mlp.up": 4, "model.1.attn.q": 4])
  }

  @Test func exactNamesWinOverPatternsAndPatternsOverClasses() throws {
    for schemes in [
      [scheme(2, "model.0.attn.q"), scheme(3, "re:.*attn"), scheme(4, "Linear")],
      [scheme(4, "Linear"), scheme(3, "re:.*attn"), scheme(2, "model.0.attn.q")],
    ] {
      #expect(
        try resolve(schemes) == [
          "model.0.attn.q": 2, "model.0.attn.k": 3, "model.0.mlp.up": 4, "model.1.attn.q": 3,
          "lm_head": 4,
        ])
    }
  }

  @Test func equalKindsGoByTheAlphabetThenTheLaterGroup() throws {
    let byAlphabet = try resolve([scheme(3, "re:model.*"), scheme(2, "re:.*q$")])
    #expect(byAlphabet["model.0.attn.q"] == 2)
    #expect(byAlphabet["model.0.attn.k"] == 3)
    let byOrder = try resolve([scheme(3, "Linear"), scheme(2, "Linear")])
    #expect(byOrder["lm_head"] == 2)
  }

  /// In a recipe a pattern for a part of the layers of another wins, and what wins nothing is said.
  @Test func narrowerPatternsWinInRecipes() throws {
    func resolve(_ schemes: QuantizationScheme..., ignore: [String] = []) throws -> SchemeResolution
    {
      try SchemeResolution.resolve(
        groups: schemes.enumerated().map { ("g\($0.offset)", $0.element) }, ignore: ignore,
        modules: Self.modules, origin: .recipe)
    }
    for schemes in [
      [scheme(2, "re:.*q$"), scheme(3, "re:.*")], [scheme(3, "re:.*"), scheme(2, "re:.*q$")],
    ] {
      let resolution = try resolve(schemes[0], schemes[1])
      let bitCounts = resolution.schemes.mapValues { $0.weights?.bitCount }
      #expect(bitCounts["model.0.attn.q"] == 2 && bitCounts["model.0.attn.k"] == 3)
      #expect(resolution.remarks.count == 1)
      #expect(resolution.remarks[0].contains("LLM Compressor would take 're:.*'"))
    }
    // Neither is narrower: the alphabet.
    let mixed = try resolve(scheme(2, "re:.*attn"), scheme(3, "re:.*0"))
    #expect(mixed.schemes["model.0.attn.q"]?.weights?.bitCount == 3)
    #expect(mixed.schemes["model.1.attn.q"]?.weights?.bitCount == 2)
    #expect(mixed.remarks == [])
    let lost = try resolve(scheme(2, "Linear", "re:.*up"), scheme(3, "model.0.mlp.up"))
    #expect(
      lost.remarks == [
        "'re:.*up' of 'g0' gives no layer its scheme: 'model.0.mlp.up' of 'g1' goes before it"
      ])
    let ignored = try resolve(scheme(2, "Linear"), scheme(3, "re:lm"), ignore: ["lm_head"])
    #expect(
      ignored.remarks == ["group 'g1' gives no layer its scheme: ignore lists all that it matches"])
  }

  @Test func patternsAreAnchoredAtTheStartOnly() throws {
    #expect(
      try resolve([scheme(4, "re:model\\.0")]).keys.sorted()
        == ["model.0.attn.k", "model.0.attn.q", "model.0.mlp.up"])
    expectInputError(.missing, mentioning: ["group_0.targets[0]", "re:attn"]) {
      try resolve([scheme(4, "re:attn")])
    }
    #expect(try resolve([scheme(4, "re:attn|lm")]) == ["lm_head": 4])
    #expect(
      try resolve([scheme(4, "re:.*\\.(?P<last>q|k)$")], ignore: ["re:model\\.1.*"]).keys.sorted()
        == ["model.0.attn.k", "model.0.attn.q"])
    #expect(try resolve([scheme(4, "re:^(?!model).*")]) == ["lm_head": 4])
  }

  /// A pattern that other tools also match with the container `model.0.mlp`.
  @Test func containersDoNotMatter() throws {
    #expect(try resolve([scheme(4, "re:.*mlp.*")]) == ["model.0.mlp.up": 4])
  }

  @Test func ignoreWins() throws {
    #expect(try resolve([scheme(4, "lm_head")], ignore: ["lm_head"]).isEmpty)
    #expect(try resolve([scheme(4, "re:lm.*")], ignore: ["Linear"]).isEmpty)
    let resolution = try SchemeResolution.resolve(
      groups: [("g", scheme(4, "Linear"))],
      ignore: ["lm_heads", "re:.*gate$", "re:.*q$", "Embedding"], modules: Self.modules)
    #expect(resolution.unmatchedIgnores == ["lm_heads", "re:.*gate$"])
    #expect(resolution.schemes.keys.sorted() == ["lm_head", "model.0.attn.k", "model.0.mlp.up"])
  }

  @Test func unmatchedTargetsAreErrors() {
    expectInputError(.missing, mentioning: ["group_1.targets[1]", "lm_haed", "'lm_head'"]) {
      try resolve([scheme(4, "Linear"), scheme(3, "lm_head", "lm_haed")], origin: .recipe)
    }
    expectInputError(.missing, mentioning: ["Embedding"]) { try resolve([scheme(4, "Embedding")]) }
    expectInputError(.missing, mentioning: ["linear", "'Linear'"]) {
      try resolve([scheme(4, "linear")])
    }
  }

  /// Names that programs have for layers when they load them are no errors of a checkpoint that has those of its files.
  @Test func checkpointsMayNameLayersTwice() throws {
    let twice = scheme(3, "model.language_model.0.mlp.up", "model.0.mlp.up", "head")
    #expect(
      try resolve([scheme(4, "Linear"), twice], ignore: ["lm_head", "re:.*attn"])
        == ["model.0.mlp.up": 3])
    expectInputError(.missing, mentioning: ["group_1.targets[1]", "'head'"]) {
      try resolve([scheme(4, "Linear"), scheme(3, "model.language_model.0.mlp.up", "head")])
    }
  }

  @Test(arguments: ["re:(", "re:[a", "re:*", "re:a{2,1}", "re:\\"])
  func badPatternsAreErrors(_ pattern: String) {
    expectInputError(.invalidValue, mentioning: ["group_0.targets[0]", pattern]) {
      try resolve([scheme(4, pattern)])
    }
    expectInputError(.invalidValue, mentioning: ["ignore[1]", pattern]) {
      try resolve([scheme(4, "Linear")], ignore: ["lm_head", pattern])
    }
  }

  @Test func layersOfNoSchemeStayAsTheyAre() throws {
    let plain = try QuantizationScheme.preset(named: "UNQUANTIZED", targets: ["re:.*attn"])
    #expect(
      try resolve([scheme(4, "Linear"), plain]).keys.sorted() == ["lm_head", "model.0.mlp.up"])
    #expect(try resolve([plain]).isEmpty)
  }

  /// What is not there is not suggested.
  @Test func suggestsNoClassWithoutLayers() {
    let error = expectInputError(.missing, mentioning: ["'Linear' matches no linear layer"]) {
      try SchemeResolution.resolve(
        groups: [("g", scheme(4, "Linear"))], ignore: [], modules: [Self.modules[0]])
    }
    #expect(error?.message.contains("did you mean") == false)
  }

  @Test func patternsThatTakeTooLongAreErrors() {
    let modules = [ModuleDescription(name: String(repeating: "a", count: 60) + "b", shape: [4, 4])]
    for ignore in [[], ["re:(a|a)*$"]] {
      expectInputError(.invalidValue, mentioning: ["too long", "aaaa"]) {
        try SchemeResolution.resolve(
          groups: [("g", scheme(4, ignore.isEmpty ? "re:(a+)+$" : "Linear"))], ignore: ignore,
          modules: modules)
      }
    }
  }
}
