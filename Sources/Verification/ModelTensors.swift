import Diagnostics
import JSONText

/// The tensors that a model has besides its quantized layers: those that its class in transformers asks
/// for, in the right shapes, and all of numbers.
struct ModelTensors {
  let configuration: JSONValue
  let tensors: [String: StoredTensor]
  /// Rows and columns of every linear layer, quantized or not.
  let layers: [String: [Int]]
  /// The names of those that are.
  let quantized: Set<String>
  let description: QuantizationDescription

  func run(_ report: inout VerificationReport) {
    for (name, tensor) in tensors.sorted(by: { $0.key < $1.key }) {
      let suffix = String(name.split(separator: ".").last ?? "")
      if !Self.checkedElsewhere.contains(suffix), let index = tensor.firstNonFinite {
        report.add(.damage, name, "element \(index) is infinite or not a number")
      }
    }
    guard let family = Family(configuration) else { return }
    for (name, shape) in family.vectorsAndTables {
      if let found = tensors[name] {
        if found.shape != shape {
          report.add(.damage, name, "has shape \(found.shape), expected \(shape) from config.json")
        }
      } else if layers[String(name.dropLast(".weight".count))] == nil {
        report.add(.damage, name, "is missing")
      }
    }
    let uncounted = quantized.filter {
      blockNumber(of: $0).map { $0 >= family.blockCount } ?? false
    }
    if let first = uncounted.min() {
      report.add(
        .contract, first,
        "is quantized, in a block that config.json does not count (num_hidden_layers is "
          + "\(family.blockCount))" + LoadContracts.others(uncounted.count - 1))
    }
    // A head that is the embedding has no tensors, and is a linear layer for runtimes all the same.
    if layers["lm_head"] == nil, let scheme = description.scheme(of: "lm_head") {
      report.add(
        .contract, "lm_head",
        "has no weight of its own, but a target of \(quoted(scheme.group)) matches it and ignore does "
          + "not", refusedBy: Runtime.allCases)
    }
    for block in 0..<family.blockCount {
      for layer in Family.linearLayers where layers["model.layers.\(block).\(layer)"] == nil {
        report.add(.damage, "model.layers.\(block).\(layer)", "is missing")
      }
    }
  }

  /// The ends of the names of floats that ``LayerCheck`` and ``ActivationScaleCheck`` look at.
  private static let checkedElsewhere = [
    "weight_scale", "weight_global_scale", "input_scale", "input_global_scale", "k_scale",
    "v_scale",
  ]
}

/// What models of the Llama family consist of.
private struct Family {
  let blockCount: Int
  private let vectors: Vectors
  private let hidden: Int
  private let vocabulary: Int
  private let head: Int
  private let queries: Int
  private let pairs: Int
  private let isTied: Bool

  /// The vectors of an attention module.
  private enum Vectors { case usual, inputBiases, headNorms }

  private static func vectors(_ configuration: JSONValue) -> Vectors? {
    switch configuration["model_type"]?.stringValue {
    case "llama", "mistral": .usual
    case "qwen2": .inputBiases
    case "qwen3": .headNorms
    // The bias is this family's default.
    case "seed_oss": configuration["attention_bias"]?.boolValue == false ? .usual : .inputBiases
    default: nil
    }
  }

  static let linearLayers = [
    "self_attn.q_proj", "self_attn.k_proj", "self_attn.v_proj", "self_attn.o_proj",
    "mlp.gate_proj", "mlp.up_proj", "mlp.down_proj",
  ]

  /// Nil for other families, and for configurations without the usual sizes.
  init?(_ configuration: JSONValue) {
    func size(_ key: String) -> Int? {
      configuration[key]?.intValue.flatMap { (1...1 << 24).contains($0) ? $0 : nil }
    }
    guard let vectors = Self.vectors(configuration), let hidden = size("hidden_size"),
      let vocabulary = size("vocab_size"), let heads = size("num_attention_heads"),
      let blockCount = size("num_hidden_layers"), blockCount <= 1 << 12
    else { return nil }
    (self.vectors, self.hidden, self.vocabulary) = (vectors, hidden, vocabulary)
    self.blockCount = blockCount
    head = size("head_dim") ?? hidden / heads
    queries = heads * head
    pairs = (size("num_key_value_heads") ?? heads) * head
    // What transformers assumes where the key is absent.
    isTied = configuration["tie_word_embeddings"]?.boolValue ?? false
  }

  /// Names and shapes of all that is no linear layer of a block.
  var vectorsAndTables: [(String, [Int])] {
    var tensors: [(String, [Int])] = [
      ("model.embed_tokens.weight", [vocabulary, hidden]), ("model.norm.weight", [hidden]),
    ]
    if !isTied { tensors.append(("lm_head.weight", [vocabulary, hidden])) }
    for block in 0..<blockCount {
      var parts = [("input_layernorm.weight", hidden), ("post_attention_layernorm.weight", hidden)]
      switch vectors {
      case .usual: break
      case .inputBiases:
        parts += [
          ("self_attn.q_proj.bias", queries), ("self_attn.k_proj.bias", pairs),
          ("self_attn.v_proj.bias", pairs),
        ]
      case .headNorms:
        parts += [("self_attn.q_norm.weight", head), ("self_attn.k_norm.weight", head)]
      }
      tensors += parts.map { ("model.layers.\(block).\($0.0)", [$0.1]) }
    }
    return tensors
  }
}

extension StoredTensor {
  /// The first element that is infinite or NaN; nil if there is none, or the type has none.
  fileprivate var firstNonFinite: Int? {
    func first<Word: FixedWidthInteger & SendableMetatype & Sendable>(
      _ type: Word.Type, exponent: Word
    ) -> Int? {
      stretch.first(wordByteCount: MemoryLayout<Word>.size) {
        $0.firstWord(type) { $0 & exponent == exponent }
      }
    }
    switch dtype {
    case "F64": return first(UInt64.self, exponent: 0x7FF0_0000_0000_0000)
    case "F32": return first(UInt32.self, exponent: 0x7F80_0000)
    case "BF16": return first(UInt16.self, exponent: 0x7F80)
    case "F16": return first(UInt16.self, exponent: 0x7C00)
    default: return nil
    }
  }
}
