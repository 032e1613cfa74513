import Checkpoints
import JSONText
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

  private static let headNames: Set<String> = [
    "lm_head", "output", "embed_out", "head", "lm_head_0",
  ]
  private static let tables = ["embed", "wte", "wpe", "vocab", "position"]
  private static let others = ["norm", "ln_", "conv", "router", "rotary", "classifier", "score"]
  /// Linear layers of GPT-2, whose weights lie the other way round.
  private static let transposed: Set<String> = ["c_attn", "c_fc", "c_proj", "q_attn"]

  init(_ checkpoint: Checkpoint) {
    let isTied = checkpoint.configuration["tie_word_embeddings"]?.boolValue ?? false
    let isTransposed = checkpoint.configuration["model_type"]?.stringValue == "gpt2"
    var modules: [ModuleDescription] = []
    var heads: [String] = []
    var tiedHeads: [ModuleDescription] = []
    var stacks: [String] = []
    for name in checkpoint.tensorNames {
      guard let info = checkpoint.info(name), info.dtype.isFloatingPoint else { continue }
      if info.shape.count == 3, info.shape.allSatisfy({ $0 > 1 }) { stacks.append(name) }
      guard info.shape.count == 2, let module = ModuleDescription.name(ofWeight: name) else {
        continue
      }
      let last = module.split(separator: ".").last.map { $0.lowercased() } ?? ""
      func mentions(_ words: [String]) -> Bool { words.contains { last.contains($0) } }
      let isHead = Self.headNames.contains(last)
      let className: String
      if isHead {
        // A head that is the embedding, stored twice, is the embedding.
        className = isTied ? "Embedding" : "Linear"
        if isTied {
          tiedHeads.append(ModuleDescription(name: module, shape: info.shape))
        } else {
          heads.append(module)
        }
      } else if mentions(Self.tables) {
        className = "Embedding"
      } else if mentions(Self.others) || last == "gate" || last.hasSuffix("shared_expert_gate")
        || isTransposed && Self.transposed.contains(last)
      {
        className = "Other"
      } else {
        className = "Linear"
      }
      modules.append(ModuleDescription(name: module, className: className, shape: info.shape))
    }
    self.modules = modules.sorted { Self.precedes($0.name, $1.name) }
    self.heads = heads
    if isTied, tiedHeads.isEmpty {
      tiedHeads = [ModuleDescription(name: "lm_head", shape: [])]
    }
    self.tiedHeads = tiedHeads
    self.stacks = stacks
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
