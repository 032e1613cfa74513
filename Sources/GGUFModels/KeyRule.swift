import Diagnostics
import GGUF
import JSONText
import LanguageModels
import Recordings

/// One key of a model's metadata: its name without the architecture's, the value that a model has for it, and what a
/// configuration says where a file has it.
struct KeyRule: Sendable {
  let key: String
  /// The key of configurations, by the name that most families have for it, which has the same value; nil where the value
  /// follows from several of them, or from none.
  private(set) var configured: String?
  /// Nil: the key is left out.
  let value: @Sendable (ModelFacts) throws(InputError) -> GGUFValue?

  init(
    _ key: String, as configured: String? = nil,
    _ value: @escaping @Sendable (ModelFacts) throws(InputError) -> GGUFValue?
  ) {
    (self.key, self.configured, self.value) = (key, configured, value)
  }

  /// A whole number.
  static func count(
    _ key: String, as configured: String? = nil, _ fact: @escaping @Sendable (ModelFacts) -> Int?
  ) -> KeyRule {
    KeyRule(key, as: configured) { (facts) throws(InputError) in
      try fact(facts).map { (number) throws(InputError) in try whole(number, key) }
    }
  }

  /// A number of the configuration, under the same name there or another; a default where it is not there.
  static func configured(
    _ key: String, from name: String, default number: Float? = nil
  ) -> KeyRule {
    KeyRule(key, as: name) { (facts) throws(InputError) in
      (try facts.configuration.optional(name)?.float32() ?? number).map { .float32($0) }
    }
  }

  /// A bound or a factor.
  static func number(
    _ key: String, as configured: String? = nil, _ fact: @escaping @Sendable (ModelFacts) -> Float?
  ) -> KeyRule {
    KeyRule(key, as: configured) { (facts) throws(InputError) in fact(facts).map { .float32($0) } }
  }

  /// The same value for all models.
  static func constant(_ key: String, _ value: GGUFValue) -> KeyRule { KeyRule(key) { _ in value } }

  static func whole(_ number: Int, _ key: String) throws(InputError) -> GGUFValue {
    guard let number = UInt32(exactly: number) else {
      throw InputError(
        .unsupported, place: key, "found \(number), expected a number that fits 32 bits")
    }
    return .uint32(number)
  }
}

extension KeyRule {
  // MARK: Keys of several architectures

  static let vocabularySize = count("vocab_size") { $0.model.vocabularySize }
  static let rotatedChannels = count("rope.dimension_count") { $0.rotatedChannels }
  /// A number for each block.
  static func ofBlocks(_ key: String, _ fact: @escaping @Sendable (ModelFacts) -> [Int]?) -> KeyRule
  {
    KeyRule(key) { facts in
      fact(facts).map { .array(.int32s($0.map(Int32.init(clamping:)))) }
    }
  }

  /// That of norms, under the key of LayerNorms.
  static let innerEpsilon = number("attention.layer_norm_epsilon") { $0.norm?.epsilon }
  static let parallelSublayers = KeyRule("use_parallel_residual") { .bool($0.isParallel) }
  static let expertWidth = count("expert_feed_forward_length", as: "moe_intermediate_size") {
    $0.expertWidth
  }
  static let sharedWidth = count(
    "expert_shared_feed_forward_length", as: "shared_expert_intermediate_size"
  ) { $0.sharedWidth }
  static let window = count("attention.sliding_window", as: "sliding_window") { $0.window }
  static let slidingBlocks = KeyRule("attention.sliding_window_pattern") { facts in
    facts.window == nil ? nil : .array(.bools(facts.slidingBlocks))
  }
  static let leadingDenseBlocks = count("leading_dense_block_count", as: "first_k_dense_replace") {
    $0.leadingDenseBlocks
  }
  static let scoreCap = number("attn_logit_softcapping", as: "attn_logit_softcapping") {
    $0.shape?.cap
  }
  static let logitCap = number("final_logit_softcapping", as: "final_logit_softcapping") {
    $0.model.end.cap
  }
  /// Scores of experts by softmax are 1, by sigmoid 2.
  static let gatingFunction = KeyRule("expert_gating_func") { facts in
    facts.routing.map { .uint32($0.score == .sigmoid ? 2 : 1) }
  }
  static let expertFactor = number("expert_weights_scale", as: "routed_scaling_factor") {
    $0.routing?.factor
  }
  static let normalizesExperts = KeyRule("expert_weights_norm", as: "norm_topk_prob") { facts in
    facts.routing.map { .bool($0.normalization != nil) }
  }
  static let expertGroups = [
    count("expert_group_count", as: "n_group") { $0.routing.map { $0.groups?.count ?? 1 } },
    count("expert_group_used_count", as: "topk_group") { $0.routing.map { $0.groups?.kept ?? 1 } },
  ]
  static let sharedExperts = count("expert_shared_count", as: "n_shared_experts") { facts in
    guard let shared = facts.sharedWidth, let width = facts.expertWidth else { return 0 }
    return shared / width
  }
  /// How each image's tokens come into further blocks; none of texts do.
  static let furtherImageInputs = count("n_deepstack_layers") { facts in
    facts.whole.value["vision_config"]?["deepstack_visual_indexes"]?.arrayValue?.count ?? 0
  }
  /// Channels that turn with each of three coordinates, which are equal in texts.
  static let coordinates = KeyRule("rope.dimension_sections") { (facts) throws(InputError) in
    let given = try facts.rotaryParameters()?.optional("mrope_section")?.elements()
    var sections: [Int32] = []
    for section in given ?? [] { sections.append(Int32(try section.int(in: 0...1 << 16))) }
    if sections.isEmpty { sections = [11, 11, 10] }
    return .int32s(Array((sections + [0, 0, 0, 0]).prefix(4)))
  }
  /// Latent attention whose keys and values are computed as the heads see them.
  static let latentAttention = [
    count("attention.q_lora_rank", as: "q_lora_rank") { $0.latent?.queryLatent?.norm.columns },
    count("attention.kv_lora_rank", as: "kv_lora_rank") { $0.latent?.keyValueLatent.norm.columns },
    KeyRule("rope.scaling.yarn_log_multiplier") { (facts) throws(InputError) in
      guard let scale = try facts.rotaryParameters()?.optional("mscale_all_dim") else { return nil }
      return .float32(0.1 * (try scale.float32()))
    },
  ]
  static let granite = [
    configured("attention.scale", from: "attention_multiplier", default: 1),
    configured("embedding_scale", from: "embedding_multiplier", default: 1),
    configured("residual_scale", from: "residual_multiplier", default: 1),
    configured("logit_scale", from: "logits_scaling", default: 1),
  ]
  /// Linear attention and state spaces, in the words of state-space models.
  static let linearAttention = [
    count("ssm.conv_kernel", as: "linear_conv_kernel_dim") { $0.scan?.taps },
    count("ssm.state_size", as: "linear_key_head_dim") { $0.scan?.scan.keySize },
    count("ssm.group_count", as: "linear_num_key_heads") { $0.scan?.scan.keyHeadCount },
    count("ssm.time_step_rank", as: "linear_num_value_heads") { $0.scan?.scan.valueHeadCount },
    count("ssm.inner_size") { $0.scan.map { $0.scan.valueHeadCount * $0.scan.valueSize } },
  ]

  static let fullAttentionInterval = count(
    "full_attention_interval", as: "full_attention_interval"
  ) { $0.fullAttentionInterval }

  // MARK: Keys of all

  /// Those before what angles are.
  static let sizes = [
    count("block_count", as: "num_hidden_layers") { $0.blockCount },
    count("context_length", as: "max_position_embeddings") { $0.model.positionLimit },
    count("embedding_length", as: "hidden_size") { $0.model.hiddenSize },
    count("feed_forward_length", as: "intermediate_size") { $0.feedForwardWidth },
    count("attention.head_count", as: "num_attention_heads") { $0.shape?.headCount },
    KeyRule("attention.head_count_kv") { (facts) throws(InputError) in
      let heads = facts.keyValueHeads
      guard let first = facts.shape?.keyValueHeadCount else { return nil }
      // Where some blocks have no attention, or other heads, each has its own number.
      guard Set(heads).count > 1, facts.delta == nil else {
        return try whole(first, "attention.head_count_kv")
      }
      return .int32s(heads.map(Int32.init(clamping:)))
    },
  ]

  /// Those behind them.
  static let parts = [
    number("attention.layer_norm_rms_epsilon", as: "rms_norm_eps") { facts in
      facts.norm.flatMap { $0.isCentered ? nil : $0.epsilon }
    },
    number("attention.layer_norm_epsilon", as: "layer_norm_eps") { facts in
      facts.norm.flatMap { $0.isCentered ? $0.epsilon : nil }
    },
    count("expert_count", as: "num_experts") { $0.routing?.experts },
    count("expert_used_count", as: "num_experts_per_tok") { $0.routing?.perToken },
    count("attention.key_length") { $0.shape?.headSize },
    count("attention.value_length") { $0.shape?.valueSize },
  ]
}
