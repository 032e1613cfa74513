import Diagnostics
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
    let count = try reader.required("num_experts").int(in: 1...4096)
    let perToken = try reader.required("top_k_experts").int(in: 1...4096)
    let size = try reader.required("moe_intermediate_size").int(in: 1...1 << 24)
    guard perToken <= count else {
      throw InputError(
        .invalidValue, place: "top_k_experts",
        "found \(perToken), expected at most num_experts, which is \(count)")
    }
    let stacks = ExpertStacks(inputs: "experts.gate_up_proj", output: "experts.down_proj")
    func slot(_ expert: Int, _ layer: ExpertStacks.Layer, _ name: String) -> LayerSlot {
      let isDown = layer == .down
      let slot = LayerSlot(
        "experts.\(expert).\(name)", outputs: isDown ? width : size, inputs: isDown ? size : width)
      return stacks.placed(slot, layer, ofExpert: expert, of: count)
    }
    var routerNorm = parts.norm("router")
    routerNorm.weights = [StoredMatrix("router.scale")]
    var experts = Experts(
      router: LayerSlot("router.proj", outputs: count, inputs: width).kept(.router),
      routing: Router(experts: count, perToken: perToken, score: .softmax, normalization: 0),
      experts: (0..<count).map {
        .init(
          gate: slot($0, .gate, "gate_proj"), up: slot($0, .up, "up_proj"),
          down: slot($0, .down, "down_proj"))
      }, function: parts.configuration.function)
    experts.inputNorm = parts.norm("pre_feedforward_layernorm_2")
    experts.routerNorm = routerNorm
    experts.routerFactor = 1 / Float(width).squareRoot()
    experts.factors = StoredMatrix("router.per_expert_scale")
    return experts
  }
}
