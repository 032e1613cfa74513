import GGUF
import JSONText

/// What a configuration says of the models of an architecture, beside what the metadata of a file say.
struct ConfigurationTerms: Sendable {
  /// A family of models of the architecture.
  struct Family: Sendable {
    /// `model_type`.
    let modelType: String
    /// Its class in transformers, which runtimes ask for.
    let className: String
    /// Whether a file is of this family.
    let isMeant: @Sendable (GGUFKeys) -> Bool

    init(
      _ modelType: String, _ className: String,
      where isMeant: @escaping @Sendable (GGUFKeys) -> Bool
    ) {
      (self.modelType, self.className, self.isMeant) = (modelType, className, isMeant)
    }
  }

  private let families: [Family]
  /// Keys by the names that most families have for them, where these have others; an empty name: they have none.
  let names: [String: String]
  /// What all models of the architecture have, unless metadata say otherwise.
  let values: [String: JSONValue]
  /// Keys that say whether blocks have a tensor, by the tensor's name without the block.
  let flags: [String: String]
  /// What `layer_types` calls blocks without attention; nil: the architecture has none.
  let otherBlocks: String?
  /// Whether YaRN's bounds are whole pairs of channels.
  let cutsAngles: Bool

  init(
    _ modelType: String, _ className: String, names: [String: String] = [:],
    values: [String: JSONValue] = [:], flags: [String: String] = [:], otherBlocks: String? = nil,
    cutsAngles: Bool = true, others: [Family] = []
  ) {
    families = others + [Family(modelType, className, where: { _ in true })]
    (self.names, self.values, self.otherBlocks) = (names, values, otherBlocks)
    self.flags = Self.usualFlags + flags
    self.cutsAngles = cutsAngles
  }

  private static let usualFlags = ["attention_bias": "attn_q.bias", "mlp_bias": "ffn_up.bias"]

  func family(of keys: GGUFKeys) -> Family { families.first { $0.isMeant(keys) } ?? families[0] }
}
