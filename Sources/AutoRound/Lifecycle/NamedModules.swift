import Checkpoints
import Execution
import JSONText
import LanguageModels
import ModelFamilies
import Quantization
import Tensors

/// What the modules of a model are, as far as the names and shapes of its tensors tell.
///
/// A matrix called `<module>.weight` belongs to a linear layer, unless its name says that it is looked up
/// in, normalizes, convolves, or chooses experts.
struct NamedModules {
  /// Embeddings and linear layers, in the order of their numbers.
  let modules: [ModuleDescription]
  /// The linear layers that make logits.
  let heads: [String]
  /// Heads that are the embedding. Loaders know them as linear layers, with or without a tensor.
  let tiedHeads: [ModuleDescription]
  /// Tensors with the weights of several linear layers, which targets cannot name.
  let stacks: [String]

  /// Layers that are parts of tensors, or whose weights lie the other way round.
  let parts: [LayerTensor]

  /// What loads the copy calls modules of a known family, where it is something else.
  let names: ModuleNames?

  private static let headNames: Set<String> = [
    "lm_head", "output", "embed_out", "head", "lm_head_0",
  ]
  private static let tables = ["embed", "wte", "wpe", "vocab", "position"]
  private static let others = [
    "norm", "ln_", "conv", "rotary", "classifier", "score", "shared_expert_gate",
    "per_layer_model_projection",
  ]
  /// Modules all of whose matrices stay: what sees or hears, predicts further tokens, chooses experts or keys.
  private static let keptModules = [
    "vision", "visual", "audio", "image", "projector", "connector", "resampler", "aligner", "mtp",
    "router", "indexer",
  ]
  /// Decays, steps and gates of linear attention: few rows, whose errors do much harm.
  private static let smallProjections: Set<String> = [
    "in_proj_a", "in_proj_b", "in_proj_ba", "b_proj", "f_a_proj", "f_b_proj", "g_a_proj",
    "g_b_proj",
  ]

  /// - Throws: What is wrong with the tensors of a model of a known family.
  init(_ checkpoint: Checkpoint) throws {
    let shapes = checkpoint.tensorShapes
    let description = try? Architectures.describe(
      JSONReader(checkpoint.configuration), shapes: shapes)
    if let description { try checkpoint.requireTensors(of: description) }
    let isTied = description?.end.isTied ?? checkpoint.isTied
    let excluded = description?.exclusions ?? [:]
    names = description?.names
    let infos = checkpoint.tensorNames.compactMap(checkpoint.info)
    parts = checkpoint.layerTensors(of: description).filter { !$0.isApart }
    let owners = Dictionary(grouping: parts, by: \.stored.tensor)
    var modules: [ModuleDescription] = []
    var heads: [String] = []
    var tiedHeads: [ModuleDescription] = []
    var stacks: [String] = []
    // Numbers of blocks and experts do not matter, and there may be a hundred thousand layers.
    var known: [[Substring]: String] = [:]
    func className(of module: String) -> String {
      let key = module.split(separator: ".").filter { $0.first?.isNumber != true }
      if let name = known[key] { return name }
      let name = Self.className(of: module)
      known[key] = name
      return name
    }
    func add(_ module: String, _ shape: [Int]) {
      var className = excluded[module] != nil ? "Other" : className(of: module)
      if className == "Head" {
        // A head that is the embedding, stored twice, is the embedding.
        className = isTied ? "Embedding" : "Linear"
        if isTied {
          tiedHeads.append(ModuleDescription(name: module, shape: shape))
        } else {
          heads.append(module)
        }
      }
      modules.append(ModuleDescription(name: module, className: className, shape: shape))
    }
    for info in infos where info.dtype.isFloatingPoint {
      if let own = owners[info.name] {
        for part in own where part.shape.count == 2 { add(part.layer, part.shape) }
        continue
      }
      if info.shape.count == 3, info.shape.allSatisfy({ $0 > 1 }) { stacks.append(info.name) }
      if info.shape.count == 2, let module = ModuleDescription.name(ofWeight: info.name) {
        add(module, info.shape)
      }
    }
    self.modules = modules.sorted { Self.precedes($0.name, $1.name) }
    self.heads = heads
    if isTied, tiedHeads.isEmpty {
      tiedHeads = [ModuleDescription(name: "lm_head", shape: [])]
    }
    self.tiedHeads = tiedHeads
    self.stacks = stacks
  }

  /// `Linear`, `Head` for one that makes logits, `Embedding`, or `Other`.
  private static func className(of module: String) -> String {
    let names = module.split(separator: ".").map { $0.lowercased() }
    let last = names.last ?? ""
    if names.contains(where: { name in keptModules.contains { name.contains($0) } }) {
      return "Other"
    }
    if headNames.contains(last) { return "Head" }
    if tables.contains(where: last.contains) { return "Embedding" }
    return others.contains(where: last.contains) || names.contains("gate")
      || smallProjections.contains(last) ? "Other" : "Linear"
  }

  /// The order of names in which `layers.2` comes before `layers.10`.
  private static func precedes(_ a: String, _ b: String) -> Bool {
    let (first, second) = (a.split(separator: "."), b.split(separator: "."))
    for (x, y) in zip(first, second) where x != y {
      if let x = Int(x), let y = Int(y) { return x < y }
      return x < y
    }
    return first.count < second.count
  }

  /// Modules in groups whose weights a runtime puts into one, by their names.
  static func siblings(among modules: some Sequence<String>) -> [[String]] {
    var families: [String: [String]] = [:]
    for module in modules {
      let parts = module.split(separator: ".")
      let parent = parts.dropLast().joined(separator: ".")
      let family = SiblingLayers.families.firstIndex { $0.parts.contains(String(parts.last ?? "")) }
      families[family.map { "\(parent) \($0)" } ?? module, default: []].append(module)
    }
    return Array(families.values)
  }
}

extension Checkpoint {
  /// Whether the configuration says that the head is the embedding.
  fileprivate var isTied: Bool {
    let configurations = [configuration, configuration["text_config"]].compactMap(\.self)
    return configurations.lazy.compactMap { $0["tie_word_embeddings"]?.boolValue }.first ?? false
  }
}
