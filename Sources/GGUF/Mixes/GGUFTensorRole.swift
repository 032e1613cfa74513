/// What a tensor does in a model, as far as its type depends on it.
///
/// The rules of llama-quantize (llama-quant.cpp at commit 007dbbf) go by names; they are the names that llama.cpp gives.
package enum GGUFTensorRole: String, Sendable, CaseIterable {
  case embedding
  case output
  case attentionQuery
  case attentionKey
  case attentionValue
  /// Queries, keys and values in one tensor.
  case attentionQueryKeyValue
  /// Keys and values out of a latent state.
  case attentionKeyValueUp
  case attentionOutput
  case feedForwardUp
  case feedForwardGate
  case feedForwardDown
  case other

  /// Parts of names, the first that fits decides; norms and biases are called by their tensors' names too.
  private static let parts: [(part: String, role: GGUFTensorRole)] = [
    ("attn_qkv.weight", .attentionQueryKeyValue),
    ("attn_kv_b.weight", .attentionKeyValueUp),
    ("attn_v.weight", .attentionValue),
    ("attn_k.weight", .attentionKey),
    ("attn_q.weight", .attentionQuery),
    ("attn_output.weight", .attentionOutput),
    ("ffn_up", .feedForwardUp),
    ("ffn_gate", .feedForwardGate),
    ("ffn_down", .feedForwardDown),
  ]

  package init(tensor name: String) {
    switch name {
    case "output.weight": self = .output
    case "token_embd.weight", "per_layer_token_embd.weight": self = .embedding
    default: self = Self.parts.first { name.contains($0.part) }?.role ?? .other
    }
  }

  /// Whether it holds values, which lose most by rounding.
  package var holdsValues: Bool {
    switch self {
    case .attentionValue, .attentionQueryKeyValue, .attentionKeyValueUp: true
    default: false
    }
  }

  /// Parts of the names of matrices that keep the type that they have.
  private static let keptParts = [
    "_norm.weight", "ffn_gate_inp.weight", "ffn_gate_tid2eid.weight", "altup", "laurel",
    "per_layer_model_proj", "ssm_conv1d", "shortconv.conv.weight", "indexer.k_proj.weight",
    "indexer.q_proj.weight", "attn_rel_b.weight", "position_embd", "token_types.weight",
  ]

  /// Whether a tensor is quantized at all: matrices and stacks of them are, but for norms, routers and what is small.
  package static func isQuantized(_ name: String, dimensionCount: Int) -> Bool {
    dimensionCount > 1 && name.hasSuffix("weight")
      && !keptParts.contains { name.contains($0) }
  }

  /// The number of the block that a tensor belongs to: `blk.3.attn_q.weight`; nil for others.
  package static func block(ofTensor name: String) -> Int? {
    guard name.hasPrefix("blk.") else { return nil }
    return Int(name.dropFirst(4).prefix { $0 != "." })
  }
}
