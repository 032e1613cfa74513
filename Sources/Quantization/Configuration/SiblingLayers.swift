/// Layers that read the same values, of which runtimes make one.
package enum SiblingLayers {
  /// The ends of their names, and that of the one.
  package static let families: [(fused: String, parts: [String])] = [
    ("qkv_proj", ["q_proj", "k_proj", "v_proj"]), ("gate_up_proj", ["gate_proj", "up_proj"]),
    ("w13", ["w1", "w3"]), ("qkv", ["query", "key", "value"]),
    ("in_proj_qkvz", ["in_proj_qkv", "in_proj_z"]), ("in_proj_ba", ["in_proj_b", "in_proj_a"]),
    ("fused_qkv_a_proj", ["q_a_proj", "kv_a_proj_with_mqa"]),
  ]
}
