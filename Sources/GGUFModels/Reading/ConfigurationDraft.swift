import Diagnostics
import GGUF
import JSONText

/// A configuration as it grows out of a file's metadata, which do not say all of it: whether layers have biases and whether
/// there is a head only the tensors tell.
struct ConfigurationDraft {
  let keys: GGUFKeys
  let architecture: GGUFArchitecture
  let file: GGUFFile
  private(set) var value: JSONValue = .object([])
  private(set) var headSize = 0
  /// Blocks that the model has, without those behind them that only read ahead.
  let blockCount: Int
  let allBlockCount: Int
  private let hiddenSize: Int
  private let headCount: Int

  let terms: ConfigurationTerms

  init(_ file: GGUFFile, _ architecture: GGUFArchitecture) throws(InputError) {
    (self.file, self.architecture) = (file, architecture)
    guard let terms = architecture.configuration else {
      throw InputError(
        .unsupported, place: "general.architecture",
        "found \(quoted(architecture.name)), which is written and not read")
    }
    self.terms = terms
    keys = GGUFKeys(metadata: file.metadata, prefix: "\(architecture.name).")
    allBlockCount = try keys.required("block_count", in: 1...10_000)
    let ahead = try keys.count("nextn_predict_layers", in: 0...allBlockCount - 1) ?? 0
    blockCount = allBlockCount - ahead
    _ = try keys.required("context_length", in: 1...1 << 30)
    hiddenSize = try keys.required("embedding_length", in: 1...1 << 24)
    headCount = try keys.required("attention.head_count", in: 1...4096)

    let family = terms.family(of: keys)
    set("architectures", [.string(family.className)])
    set("model_type", .string(family.modelType))
    for (key, value) in terms.values.sorted(by: { $0.key < $1.key }) { set(key, value) }
    for rule in KeyRule.sizes + KeyRule.parts + architecture.keys {
      guard let name = rule.configured, keys.contains(rule.key) else { continue }
      try copy(rule.key, as: name)
    }
    set("num_hidden_layers", JSONValue(blockCount))
    try setHeads()
    try setAngles()
    try setWindows()
    for (key, tensor) in terms.flags.sorted(by: { $0.key < $1.key }) {
      set(key, .bool((0..<blockCount).contains { file.info("blk.\($0).\(tensor)") != nil }))
    }
    set("tie_word_embeddings", .bool(file.info("output.weight") == nil))
    guard let table = file.info("token_embd.weight"), table.shape.count == 2 else {
      throw InputError(
        .missing, place: "tensor 'token_embd.weight'", "is missing; expected a row for each token")
    }
    set("vocab_size", JSONValue(table.shape[0]))
    try setTokens()
    let dtypes: [GGUFTensorType: JSONValue] = [.bf16: "bfloat16", .f16: "float16"]
    set("torch_dtype", dtypes[table.type] ?? "float32")
  }

  /// Sets a key by the name that most families have for it.
  mutating func set(_ key: String, _ value: JSONValue) {
    let name = terms.names[key] ?? key
    if !name.isEmpty { self.value.set(name, value) }
  }

  private mutating func copy(_ key: String, as name: String) throws(InputError) {
    var value = keys[key]
    // Files of models without experts may say that there are none.
    if key.hasPrefix("expert_"), value?.wholeNumber == 0 { return }
    if case .array = value {
      guard let count = try keys.count(key, in: 0...1 << 30) else { return }
      value = .int64(Int64(count))
    }
    guard let json = value?.json else { throw keys.mismatch(key, "a number") }
    set(name, json)
  }

  // MARK: Heads

  private mutating func setHeads() throws(InputError) {
    try setKeyValueHeads()
    if architecture.keys.contains(where: { $0.key == "attention.kv_lora_rank" }) {
      return try setLatents()
    }
    if let size = try keys.count("attention.key_length", in: 2...1024) {
      headSize = size
    } else {
      guard hiddenSize.isMultiple(of: headCount) else {
        throw keys.mismatch(
          "attention.head_count", "a divisor of embedding_length, which is \(hiddenSize)")
      }
      headSize = hiddenSize / headCount
    }
    set("head_dim", JSONValue(headSize))
    guard let count = architecture.widthScaledBlockCount else { return }
    // Scores are scaled by the size of heads, but for one size of model.
    set(
      "query_pre_attn_scalar",
      JSONValue(count == blockCount ? hiddenSize / headCount : headSize))
  }

  private mutating func setKeyValueHeads() throws(InputError) {
    let key = "attention.head_count_kv"
    guard let list = keys[key]?.wholeNumbers, terms.otherBlocks != nil else {
      let count = try keys.count(key, in: 1...4096) ?? headCount
      return set("num_key_value_heads", JSONValue(count))
    }
    let counts = Set(list).subtracting([0])
    guard list.count == blockCount, counts.count == 1, let count = counts.first,
      1...4096 ~= count, let other = terms.otherBlocks
    else {
      throw keys.mismatch(key, "for each of \(blockCount) blocks none or the same number above 0")
    }
    set("num_key_value_heads", JSONValue(count))
    set("layer_types", .array(list.map { .string($0 == 0 ? other : "full_attention") }))
  }

  /// Heads of latent attention have channels that positions turn, and others.
  private mutating func setLatents() throws(InputError) {
    let rotated = try keys.required("rope.dimension_count", in: 2...64)
    let whole = try keys.required("attention.key_length", in: rotated + 1...1024)
    headSize = rotated
    set("qk_rope_head_dim", JSONValue(rotated))
    set("qk_nope_head_dim", JSONValue(whole - rotated))
    set("v_head_dim", JSONValue(try keys.required("attention.value_length", in: 1...1024)))
    let groups = try keys.count("expert_group_count", in: 1...4096) ?? 1
    set("topk_method", groups > 1 ? "group_limited_greedy" : "greedy")
  }

  // MARK: Windows

  private mutating func setWindows() throws(InputError) {
    let key = "attention.sliding_window"
    if let states = try keys.count("ssm.inner_size", in: 1...1 << 24) {
      let heads = try keys.required("ssm.time_step_rank", in: 1...1 << 16)
      guard states.isMultiple(of: heads) else {
        throw keys.mismatch("ssm.inner_size", "a multiple of ssm.time_step_rank, which is \(heads)")
      }
      set("linear_value_head_dim", JSONValue(states / heads))
    }
    guard let window = try keys.count(key, in: 0...1 << 30) else { return }
    guard window > 0 else { return set("sliding_window", .null) }
    guard let period = architecture.slidingPeriod else { return }
    let pattern = "attention.sliding_window_pattern"
    var slides = (0..<blockCount).map { !($0 + 1).isMultiple(of: period) }
    if case .array(.bools(let flags)) = keys[pattern] {
      guard flags.count == blockCount else {
        throw keys.mismatch(pattern, "one for each of \(blockCount) blocks")
      }
      slides = flags
    } else if let own = try keys.count(pattern, in: 1...10_000) {
      slides = (0..<blockCount).map { !($0 + 1).isMultiple(of: own) }
    }
    set(
      "layer_types",
      .array(slides.map { .string($0 ? "sliding_attention" : "full_attention") }))
  }

  // MARK: Tokens

  private mutating func setTokens() throws(InputError) {
    let tokens = GGUFKeys(metadata: file.metadata, prefix: "tokenizer.ggml.")
    for role in ["bos", "eos"] {
      guard let id = try tokens.count("\(role)_token_id", in: 0...1 << 30) else { continue }
      set("\(role)_token_id", JSONValue(id))
    }
  }
}
