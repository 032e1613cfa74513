import Diagnostics
import GGUF

extension ConfigurationDraft {
  /// Checks that files of the model that was read have the keys which the file has: nothing was overlooked, and no key
  /// contradicts the others.
  func requireAgreement(_ facts: ModelFacts, _ rotary: RotaryOutline) throws(InputError) {
    let written = Dictionary(
      try GGUFModelOutline.metadata(of: facts, architecture, rotary), uniquingKeysWith: { $1 })
    for entry in keys.metadata.entries where entry.key.hasPrefix(keys.prefix) {
      let key = String(entry.key.dropFirst(keys.prefix.count))
      guard !Self.readOtherwise.contains(key) else { continue }
      var expected = written[key]
      if expected == nil, let rule = Self.rules[key] { expected = try rule.value(facts) }
      if key == "rope.freq_base_swa", expected == nil { expected = written["rope.freq_base"] }
      if let expected {
        guard entry.value.agrees(with: expected) || isDefault(key, entry.value) else {
          throw InputError(
            .invalidValue, place: keys.place(key),
            "found \(entry.value.summary), but the model that the other keys and the tensors give has \(expected.summary)"
          )
        }
      } else if Self.rules[key] == nil || !Self.isOfAbsentPart(key), !isDefault(key, entry.value) {
        throw InputError(
          .unsupported, place: keys.place(key),
          "is not known for models of this architecture; what it says would be lost")
      }
    }
  }

  /// The rules of all architectures, by key.
  private static let rules: [String: KeyRule] = Dictionary(
    GGUFArchitectures.all.flatMap(\.keys).filter { !$0.key.hasPrefix("rope.scaling") }
      .map { ($0.key, $0) },
    uniquingKeysWith: { first, _ in first })

  /// Whether a key that no rule has a value for, although some architecture has it, speaks of what the model does not
  /// have: its tensors would be refused, and without them the key changes no number. Others, as bounds of scores and
  /// logits, would be lost.
  private static func isOfAbsentPart(_ key: String) -> Bool {
    absentParts.contains { key.hasPrefix($0) }
  }

  /// Experts, state spaces, convolutions and latent states; and windows, which files may say of architectures that llama.cpp
  /// has none for.
  private static let absentParts = [
    "expert_", "leading_dense_block_count", "moe_latent_size", "ssm.", "shortconv.",
    "attention.q_lora_rank", "attention.kv_lora_rank", "attention.sliding_window",
    "attention.key_length_swa", "attention.value_length_swa", "rope.dimension_count_swa",
  ]

  /// Keys that were used already in a way that the rules do not compare, or that say nothing of texts.
  private static let readOtherwise: Set<String> = [
    "block_count", "nextn_predict_layers", "attention.sliding_window_pattern",
    "n_deepstack_layers", "rope.scaling.finetuned", "rope.scaling.original_context_length",
    "tensor_data_layout",
  ]

  /// Values that mean the same as no key.
  private func isDefault(_ key: String, _ value: GGUFValue) -> Bool {
    switch key {
    case "rope.scaling.type": value == .string("none")
    case "rope.scaling.factor", "rope.scaling.attn_factor", "rope.scaling.yarn_attn_factor":
      value.number == 1
    case "attention.causal": value == .bool(true)
    case "pooling_type", "rope.scaling.yarn_log_multiplier", "expert_shared_count",
      "leading_dense_block_count", "expert_count", "expert_used_count", "expert_gating_func",
      "attention.sliding_window", "attn_logit_softcapping", "final_logit_softcapping",
      "attention.temperature_scale":
      value.number == 0
    case "expert_weights_scale": value.number == 1 || value.number == 0
    default: false
    }
  }
}
