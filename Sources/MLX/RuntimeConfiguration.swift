import Diagnostics
import JSONText

extension JSONValue {
  /// Says what classes of mlx-lm ask for, where they look for it.
  mutating func suit(_ family: Runtime.Family, hasHead: Bool) throws(InputError) {
    guard family.isWrapped else {
      flattenRotary()
      fillIn()
      countExperts()
      sayWhereHeadIs(hasHead)
      return
    }
    let key = Runtime.textConfiguration
    guard var text = self[key], text.objectValue != nil else {
      throw InputError(
        .malformed, place: key, "is missing; it describes the part of the model that reads text")
    }
    try text.suit(Runtime.Family(), hasHead: hasHead)
    // One of the classes takes a size of its own for the part's where none is given here.
    if self["vocab_size"] == nil, let size = text["vocab_size"] { set("vocab_size", size) }
    set(key, text)
  }

  /// Gives the rotary embedding at the top level too, where classes of mlx-lm look for it.
  private mutating func flattenRotary() {
    guard let inner = self["rope_parameters"], inner.objectValue != nil else { return }
    func missing(_ key: String) -> Bool { self[key].map(\.isNull) ?? true }
    // One object for each type of layers, or one for all.
    let full = inner["full_attention"] ?? inner
    guard full["rope_theta"] != nil else { return }
    if let sliding = inner["sliding_attention"]?["rope_theta"], missing("rope_local_base_freq") {
      set("rope_local_base_freq", sliding)
    }
    for key in ["rope_theta", "partial_rotary_factor"] {
      if let value = full[key], missing(key) { set(key, value) }
    }
    guard missing("rope_scaling") else { return }
    let kind = (full["rope_type"] ?? full["type"])?.stringValue ?? "default"
    guard kind != "default" else { return set("rope_scaling", .null) }
    var scaling = full.removing("rope_theta")
    // The key's name before transformers 4.43, which some classes ask for.
    if scaling["type"] == nil { scaling.set("type", .string(kind)) }
    set("rope_scaling", scaling)
  }

  /// Says what classes have no value of their own for, or another one than the model.
  private mutating func fillIn() {
    func number(_ key: String) -> Int? { self[key]?.intValue }
    func missing(_ key: String) -> Bool { self[key].map(\.isNull) ?? true }
    func setIfMissing(_ key: String, _ value: JSONValue?) {
      if missing(key), let value { set(key, value) }
    }
    let columns =
      number("head_dim")
      ?? number("hidden_size").flatMap { size in
        number("num_attention_heads").flatMap { $0 > 0 ? size / $0 : nil }
      }
    switch self["model_type"]?.stringValue {
    case "cohere2", "gemma3_text":
      setIfMissing("sliding_window_pattern", windowPeriod.map { JSONValue($0) })
    case "exaone4":
      setIfMissing("head_dim", columns.map { JSONValue($0) })
      setIfMissing("sliding_window", .null)
      // As EXAONE has it: a letter for each block of a period.
      setIfMissing(
        "sliding_window_pattern",
        windowPeriod.map { .string(String(repeating: "L", count: $0 - 1) + "G") } ?? .null)
    case "lfm2": setIfMissing("block_dim", self["hidden_size"])
    case "minimax_m2":
      setIfMissing("shared_intermediate_size", 0)
      let share = self["partial_rotary_factor"]?.doubleValue ?? 1
      setIfMissing(
        "rotary_dim",
        columns.flatMap { Int(exactly: (Double($0) * share).rounded(.down)) }.map { JSONValue($0) })
    default: break
    }
  }

  /// Every how many blocks see all tokens, where all others see a window.
  private var windowPeriod: Int? {
    guard let types = self["layer_types"]?.arrayValue,
      let first = types.firstIndex(of: "full_attention"), first > 0
    else { return nil }
    let isPeriodic = types.indices.allSatisfy { index in
      types[index] == (index % (first + 1) == first ? "full_attention" : "sliding_attention")
    }
    return isPeriodic ? first + 1 : nil
  }

  /// Says how many experts there are under both names that transformers has for it.
  private mutating func countExperts() {
    let keys = ["num_experts", "num_local_experts"]
    guard let count = keys.compactMap({ self[$0] }).first else { return }
    for key in keys where self[key] == nil { set(key, count) }
  }

  /// Classes of mlx-lm do not agree on where a head is of which nothing is said.
  private mutating func sayWhereHeadIs(_ hasHead: Bool) {
    guard self["tie_word_embeddings"] == nil else { return }
    set("tie_word_embeddings", .bool(!hasHead))
  }
}
