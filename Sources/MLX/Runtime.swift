import Diagnostics
import JSONText

/// What mlx-lm does with the models of a family: the one table of it.
///
/// Source: `models` and `utils.py` of mlx-lm 0.32.2, of 2026-10, read in 2026-11: names of modules and of arguments, what
/// `sanitize` does with tensors.
enum Runtime {
  /// The version of mlx-lm that files are written for.
  static let version = "0.32.2"

  /// The families that it has modules for by the names that tensors have in full precision, experts excepted, with what
  /// differs.
  static let families: [String: Family] = {
    var families: [String: Family] = [:]
    for name in [
      "deepseek_v2", "ernie4_5", "ernie4_5_moe", "exaone4", "gemma3_text", "glm", "glm4_moe",
      "granite",
      "hunyuan_v1_dense", "llama", "minimax_m2", "ministral3", "mistral", "mixtral", "nemotron",
      "olmo2",
      "olmo3", "olmoe", "phi3", "qwen2", "qwen2_moe", "qwen3", "qwen3_moe", "seed_oss", "smollm3",
      "starcoder2",
    ] {
      families[name] = Family()
    }
    for name in ["cohere2", "gemma2", "lfm2"] { families[name] = Family(head: .isTheEmbedding) }
    for name in ["glm4", "stablelm"] { families[name] = Family(head: .isApart) }
    for name in ["gemma3", "mistral3"] { families[name] = Family(isWrapped: true) }
    return families
  }()

  struct Family {
    var head = Head.asConfigured
    /// Whether the model that reads text is a part, with tensors and a configuration of its own.
    var isWrapped = false

    /// What begins the names of the tensors that are read.
    var prefix: String { isWrapped ? "language_model." : "" }
  }

  /// Where the configuration of that part is.
  static let textConfiguration = "text_config"

  /// Where it looks for the head.
  enum Head {
    /// The configuration says whether it is the embedding.
    case asConfigured
    case isTheEmbedding
    /// There is a tensor of it.
    case isApart
  }

  /// Why it does not load others, or would not load what is written here.
  private static let reasons: [(modelTypes: [String], reason: String)] = [
    (
      ["deepseek_v3", "kimi_k2", "deepseek_v32", "glm4_moe_lite", "kimi_linear"],
      "its loader rounds kv_b_proj anew"
    ),
    (["falcon_h1"], "its loader multiplies weights with factors of the configuration"),
    (
      [
        "gpt2", "granitemoe", "gpt_oss", "lfm2_moe", "llama4", "llama4_text", "granitemoehybrid",
        "nemotron_h",
      ],
      "its loader makes other layers of the weights than files have"
    ),
    (
      ["qwen3_next", "qwen3_5", "qwen3_5_moe"],
      "its loader changes convolutions and norms in a way that shows in files"
    ),
    (
      [
        "gemma4", "gemma4_text", "gpt_neox", "llava", "qwen2_vl",
        "qwen2_5_vl", "qwen3_vl", "qwen3_vl_moe",
      ], "its loader renames modules, which is not written yet"
    ),
  ]

  /// The family of a model.
  ///
  /// - Throws: `unsupported` for one that it does not load as it is written here.
  static func family(of configuration: JSONValue) throws(InputError) -> Family {
    let name = configuration["model_type"]?.stringValue ?? ""
    if let family = families[name] { return family }
    let reason = reasons.first { $0.modelTypes.contains(name) }?.reason
    throw InputError(
      .unsupported, place: "model_type",
      "found \(quoted(name)), of which mlx-lm \(version) "
        + (reason.map { "has a class, but \($0)" } ?? "has no class")
        + "; expected one of \(families.keys.sorted().joined(separator: ", "))")
  }
}
