import AutoRound
import Checkpoints
import Execution
import Foundation
import JSONText
import LanguageModels
import Quantization
import QuantizedCheckpoints
import TestSupport
import Testing

/// Modules that transformers 5.17 gives other names than files have: whoever looks for a layer in the configuration finds
/// it by either.
@Suite struct LoadedNamesTests {
  /// The family of a model, a linear layer of it, its name in transformers' module tree, and whether it stays by itself.
  static let layers = [
    (
      "gemma3-vlm", "vision_tower.vision_model.encoder.layers.0.mlp.fc1",
      "model.vision_tower.encoder.layers.0.mlp.fc1", true
    ),
    (
      "llava", "vision_tower.vision_model.encoder.layers.1.self_attn.q_proj",
      "model.vision_tower.encoder.layers.1.self_attn.q_proj", true
    ),
    (
      "gemma4-moe", "model.embed_vision.embedding_projection",
      "model.embed_vision.embedding_projection", true
    ),
    (
      "kimi_linear", "model.layers.0.self_attn.f_a_proj",
      "model.layers.0.self_attn.forget_gate.f_a_proj", true
    ),
    (
      "kimi_linear", "model.layers.1.block_sparse_moe.shared_experts.up_proj",
      "model.layers.1.mlp.shared_experts.up_proj", false
    ),
    ("nemotron_h", "backbone.layers.2.mixer.k_proj", "model.layers.2.mixer.k_proj", false),
    (
      "llava", "language_model.model.layers.1.mlp.up_proj",
      "model.language_model.layers.1.mlp.up_proj", false
    ),
    (
      "qwen2_5_vl", "model.layers.1.mlp.up_proj", "model.language_model.layers.1.mlp.up_proj",
      false
    ),
  ]

  private static func quantization(
    _ model: String, _ schemes: (String) -> QuantizationScheme?
  ) throws -> JSONReader {
    let source = try SourceModel(opening: Fixtures.folder.appending(path: "models/\(model)"))
    let layers = source.description.modules.filter(\.isLinear).map(\.name)
    let kept = source.description.exclusions
    let copy = try QuantizedCopy(
      of: source,
      schemes: Dictionary(
        uniqueKeysWithValues: layers.compactMap { name in
          guard kept[name] == nil, name != source.description.headModule else { return nil }
          return schemes(name).map { (name, $0) }
        }))
    return try JSONReader(copy.configuration).required("quantization_config")
  }

  @Test(arguments: layers) func layersThatStayAreIgnoredByBoth(
    model: String, layer: String, loaded: String, stays: Bool
  ) throws {
    let usual = try QuantizationScheme.preset(named: "W8A16")
    let ignore = Set(
      try Self.quantization(model) { $0 == layer ? nil : usual }
        .required("ignore").elements().map { try $0.string() })
    #expect(ignore.contains(layer))
    #expect(ignore.contains(loaded))
    let without = try Self.quantization(model) { _ in usual }.required("ignore").elements()
    #expect(try without.map { try $0.string() }.contains(layer) == stays)
  }

  /// A scheme that one layer has for itself, by its name or a pattern for that, is found for it, and for no other.
  @Test(arguments: layers.filter { !$0.3 }, [false, true]) func schemesAreFoundByBoth(
    names: (model: String, layer: String, loaded: String, stays: Bool), isPattern: Bool
  ) throws {
    let (model, layer, loaded, _) = names
    let usual = try QuantizationScheme.preset(named: "W8A16")
    let own = try QuantizationScheme.preset(
      named: "W4A16", targets: [isPattern ? "re:^\(layer)$" : layer])
    let quantization = try Self.quantization(model) { $0 == layer ? own : usual }
    let groups = try quantization.required("config_groups").members()
    #expect(groups.count == 2)
    for group in groups {
      let targets = try group.reader.required("targets").elements().map { try $0.string() }
      let isOwn = try group.reader.required("weights").required("num_bits").int() == 4
      // A pattern for the name in files does not match the other.
      #expect(targets.contains("Linear") == (!isPattern && !isOwn))
      #expect(targets.contains(layer) == isOwn)
      #expect(targets.contains(loaded) == isOwn)
    }
    // As it is read again here.
    let stored = try CheckpointFamilies.family(of: quantization).storedSchemes(
      quantization, tensors: [])
    let source = try SourceModel(opening: Fixtures.folder.appending(path: "models/\(model)"))
    let schemes = try SchemeResolution.resolve(
      groups: stored.groups, ignore: stored.ignore, modules: source.description.modules
    ).schemes
    #expect(schemes.filter { $0.value.weights?.bitCount == 4 }.keys.sorted() == [layer])
  }
}
