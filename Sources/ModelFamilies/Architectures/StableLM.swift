import JSONText
import LanguageModels
import Recordings

/// StableLM 2: LayerNorms, of which each head may have its own, and a quarter of the channels rotated.
enum StableLM: Architecture {
  static let modelTypes = ["stablelm"]
  static let about = FamilyDescription("StableLM 2", "a LayerNorm of its own for each head")

  static func describe(_ configuration: JSONReader) throws -> ModelDescription {
    let keys = try DecoderConfiguration(
      configuration,
      .init(
        keyValueHeadCount: 32, positionLimit: 4096, epsilon: 1e-5, epsilonKey: "layer_norm_eps"))
    var parts = DecoderParts(keys, norms: .centered(hasBias: true))
    parts.hasInputBias = try configuration.bool("use_qkv_bias", default: false)
    var reader = RotaryReader(keys)
    reader.fraction = 0.25
    var attention = parts.attention(keys.attentionShape(), rotary: try reader.settings())
    if try configuration.bool("qk_layernorm", default: false) {
      attention.queryNorm = headNorms("self_attn.q_layernorm", keys.headCount, keys)
      attention.keyNorm = headNorms("self_attn.k_layernorm", keys.keyValueHeadCount, keys)
    }
    let isParallel = try configuration.bool("use_parallel_residual", default: false)
    let block = parts.block(
      attention, try parts.feedForward(),
      before: isParallel ? ("input_layernorm", "input_layernorm") : DecoderParts.inputNorms,
      isParallel: isParallel)
    return parts.model(of: block)
  }

  /// A norm of each head, with weights of its own.
  private static func headNorms(_ name: String, _ count: Int, _ keys: DecoderConfiguration)
    -> NormSlot
  {
    var norm = NormSlot(
      name, columns: count * keys.headSize, groupSize: keys.headSize,
      style: .centered(hasBias: false), epsilon: keys.epsilon)
    norm.weights = (0..<count).map { StoredMatrix("\(name).norms.\($0).weight") }
    return norm
  }
}
