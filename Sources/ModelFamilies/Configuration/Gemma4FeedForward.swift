import JSONText
import LanguageModels
import Recordings

/// Reads what follows the attention of Gemma 4: a feed-forward part, and perhaps experts beside it.
struct Gemma4FeedForward {
  private let parts: DecoderParts
  private var reader: JSONReader { parts.configuration.reader }
  private var width: Int { parts.configuration.hiddenSize }

  init(_ parts: DecoderParts) { self.parts = parts }

  /// - Parameter isWide: Whether it is twice as wide as the configuration says.
  func sublayer(isWide: Bool = false) throws -> Sublayer {
    let size = try reader.size("intermediate_size")
    let dense = Sublayer.Mixer.feedForward(
      parts.gatedFeedForward("mlp", size: isWide ? 2 * size : size))
    let (input, output) = (
      parts.norm("pre_feedforward_layernorm"), parts.norm("post_feedforward_layernorm")
    )
    guard try reader.bool("enable_moe_block", default: false) else {
      return Sublayer(inputNorm: input, mixer: dense, outputNorm: output)
    }
    return Sublayer(
      mixer: .sum([
        Sublayer(
          inputNorm: input, mixer: dense, outputNorm: parts.norm("post_feedforward_layernorm_1")),
        Sublayer(
          mixer: .experts(try experts()), outputNorm: parts.norm("post_feedforward_layernorm_2")),
      ]), outputNorm: output)
  }

  /// Experts that read the residual stream, as their router does, each through a norm of its own.
  private func experts() throws -> Experts {
    var mixture = ExpertsReader(parts)
    (mixture.module, mixture.router) = ("", "router.proj")
    (mixture.countKeys, mixture.perTokenKey) = (["num_experts"], "top_k_experts")
    mixture.count = try reader.required("num_experts").int(in: 1...4096)
    mixture.perToken = try reader.required("top_k_experts").int(in: 1...4096)
    mixture.width = try reader.required("moe_intermediate_size").int(in: 1...1 << 24)
    mixture.normalization = 0
    mixture.stacks = ExpertStacks(inputs: "experts.gate_up_proj", output: "experts.down_proj")
    var routerNorm = parts.norm("router")
    routerNorm.weights = [StoredMatrix("router.scale")]
    var experts = try mixture.experts()
    experts.inputNorm = parts.norm("pre_feedforward_layernorm_2")
    experts.routerNorm = routerNorm
    experts.routerFactor = 1 / Float(width).squareRoot()
    experts.factors = StoredMatrix("router.per_expert_scale")
    return experts
  }
}
