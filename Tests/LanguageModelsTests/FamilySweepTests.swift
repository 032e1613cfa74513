import Checkpoints
import Diagnostics
import Foundation
import JSONText
import LanguageModels
import ModelFamilies
import TestSupport
import Testing

/// The same mistakes in the configurations and checkpoints of all families.
@Suite struct FamilySweepTests {
  private static let folder = Fixtures.folder.appending(path: "models")
  static let models = OracleTests.models + ["deepseek_v32"]
  /// Those that know positions in another way, or none.
  static let withoutRotaryEmbeddings: Set<String> = [
    "bloom", "gpt2", "granitemoehybrid", "kimi_linear", "nemotron_h", "opt",
  ]

  private func configuration(_ model: String, _ file: String = "config.json") throws -> JSONValue {
    try JSONValue.parse(contentsOf: Self.folder.appending(path: "\(model)/\(file)"))
  }

  private func describe(_ configuration: JSONValue) throws -> ModelDescription {
    try Architectures.describe(JSONReader(configuration))
  }

  @Test func allFamiliesAreThere() throws {
    let names = try FileManager.default.contentsOfDirectory(atPath: Self.folder.path)
    #expect(names.filter { !$0.contains(".") }.sorted() == Self.models.sorted())
  }

  /// A type that no family has, in both spellings, and for each type of layers.
  @Test(arguments: models, ["rope_parameters", "rope_scaling"])
  func unknownRotaryTypesAreNamed(model: String, key: String) throws {
    let file = key == "rope_parameters" ? "config.json" : "config_hub.json"
    var configuration = try configuration(model, file)
    let text = configuration["text_config"] ?? configuration
    var others = text.removing("rope_parameters").removing("rope_scaling")
    let types = ["full_attention", "sliding_attention"]
    let hasTypes = types.contains { text["rope_parameters"]?[$0] != nil }
    let spiral: JSONValue = ["rope_type": "spiral", "rope_theta": 10_000, "factor": 2]
    // An object for each type is known in one of the spellings only.
    let own = hasTypes ? "rope_parameters" : key
    others.set(own, hasTypes ? ["full_attention": spiral, "sliding_attention": spiral] : spiral)
    if configuration["text_config"] != nil {
      configuration.set("text_config", others)
    } else {
      configuration = others
    }
    guard !Self.withoutRotaryEmbeddings.contains(model) else {
      #expect(try describe(configuration).blocks.count >= 2)
      return
    }
    expectInputError(.unsupported, mentioning: ["'spiral'", own, "supported are default"]) {
      try describe(configuration)
    }
  }

  /// Types of a published kind without what they need.
  @Test(arguments: models, ["linear", "llama3", "longrope"])
  func incompleteRotaryTypesAreNamed(model: String, type: String) throws {
    guard !Self.withoutRotaryEmbeddings.contains(model) else { return }
    var configuration = try configuration(model)
    let text = configuration["text_config"] ?? configuration
    let own: JSONValue = ["rope_type": .string(type), "rope_theta": 10_000]
    let hasTypes = text["rope_parameters"]?["full_attention"] != nil
    var changed = text
    changed.set(
      "rope_parameters", hasTypes ? ["full_attention": own, "sliding_attention": own] : own)
    if configuration["text_config"] != nil {
      configuration.set("text_config", changed)
    } else {
      configuration = changed
    }
    let missing = ["linear": "factor", "llama3": "factor", "longrope": "short_factor"]
    expectInputError(.missing, mentioning: [try #require(missing[type]), "rope_parameters"]) {
      try describe(configuration)
    }
  }

  /// Lists of types that are not one for each block.
  @Test func typesOfLayersFitTheirNumber() throws {
    var count = 0
    for model in Self.models {
      let plain = try configuration(model)
      let text = plain["text_config"] ?? plain
      for key in ["layer_types", "mlp_layer_types"] {
        guard let types = text[key]?.arrayValue else { continue }
        #expect(try !describe(plain).blocks.isEmpty)
        for list in [Array(types.dropLast()), types + [types[0]], []] {
          var changed = text
          changed.set(key, .array(list))
          var configuration = changed
          if plain["text_config"] != nil {
            configuration = plain
            configuration.set("text_config", changed)
          }
          expectInputError(.invalidValue, mentioning: [key]) { try describe(configuration) }
          count += 1
        }
      }
    }
    #expect(count == 3 * 29)
  }

  /// More experts for each token than there are.
  @Test func tokensChooseNoMoreExpertsThanThereAre() throws {
    let keys = [
      "num_experts_per_tok", "moe_k", "top_k_experts", "moe_topk", "num_experts_per_token",
    ]
    var models: [String] = []
    for model in Self.models {
      let plain = try configuration(model)
      let text = plain["text_config"] ?? plain
      guard let key = keys.first(where: { text[$0]?.intValue != nil }) else { continue }
      models.append(model)
      for number in [4097, 64, 0, -1] as [JSONValue] {
        var changed = text
        changed.set(key, number)
        var configuration = changed
        if plain["text_config"] != nil {
          configuration = plain
          configuration.set("text_config", changed)
        }
        expectInputError(.invalidValue, mentioning: [key]) { try describe(configuration) }
      }
    }
    #expect(models.count == 26, "\(models)")
  }

  /// Each tensor of experts under another name, and, where it is a matrix, with another shape, in turn.
  @Test(arguments: models) func expertsAreThereAndAlike(model: String) throws {
    let source = Self.folder.appending(path: model)
    let checkpoint = try Checkpoint(opening: source)
    let description = try Architectures.describe(
      JSONReader(checkpoint.configuration), shapes: checkpoint.tensorShapes)
    guard checkpoint.made == nil,
      let placed = description.blocks.first(where: { !$0.block.expertsOfLayers.isEmpty })
    else { return }
    let layers = placed.block.expertsOfLayers.filter { $0.value == 1 }.keys
    #expect(layers.count >= 2)
    let tensors = Set(
      placed.block.linearLayers.filter { layers.contains($0.name) }.map {
        StoredMatrix.fullName($0.weight.tensor, in: placed.name)
      })
    let file = try Data(contentsOf: source.appending(path: "model.safetensors"))
    for tensor in tensors {
      let name = try #require(file.range(of: Data("\"\(tensor)\"".utf8)))
      var renamed = file
      renamed[name.upperBound - 2] = UInt8(ascii: "~")
      try expect(.missing, tensor, of: renamed, like: source)
      // The last two extents change places.
      let shape = try #require(checkpoint.info(tensor)).shape
      var other = shape
      other.swapAt(shape.count - 1, shape.count - 2)
      guard other != shape else { continue }
      func text(_ shape: [Int]) -> Data {
        Data("[\(shape.map(String.init).joined(separator: ","))]".utf8)
      }
      let place = try #require(file.range(of: text(shape), in: name.upperBound..<file.endIndex))
      var turned = file
      turned.replaceSubrange(place, with: text(other))
      // Of two layouts of the same stacks, shapes decide which it is; then the other stack does not fit.
      let named =
        model == "qwen3_vl_moe" ? tensor.replacing("gate_up_proj", with: "down_proj") : tensor
      try expect(.malformed, named, of: turned, like: source)
    }
  }

  private func expect(
    _ code: InputError.Code, _ tensor: String, of bytes: Data, like source: URL
  ) throws {
    try withTemporaryFolder { folder in
      try bytes.write(to: folder.appending(path: "model.safetensors"))
      try FileManager.default.copyItem(
        at: source.appending(path: "config.json"), to: folder.appending(path: "config.json"))
      let checkpoint = try Checkpoint(opening: folder)
      expectInputError(code, mentioning: [tensor]) {
        let description = try Architectures.describe(
          JSONReader(checkpoint.configuration), shapes: checkpoint.tensorShapes)
        try checkpoint.requireTensors(of: description)
      }
    }
  }
}
