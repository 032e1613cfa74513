import Diagnostics
import JSONText
import LanguageModels
import Recordings

/// Reads a mixture of experts of a configuration.
struct ExpertsReader {
  let parts: DecoderParts
  /// The module that holds router and experts.
  var module = "mlp"
  /// The router's name in it.
  var router = "gate"
  var hasRouterBias = false
  /// The type of its logits where the reference has another than the model's.
  var logits: ComputeType?
  /// What the layers of an expert are called.
  var names = (gate: "gate_proj", up: "up_proj", down: "down_proj")
  var isGated = true
  /// Where the layers of experts are, unless each has tensors of its own.
  var stacks: ExpertStacks?
  /// Nil: that of feed-forward parts.
  var function: ElementFunction?
  var upFunction: ElementFunction?
  /// The number of experts, under the first of these keys that is there.
  var countKeys = ["num_experts", "num_local_experts"]
  var count = 8
  var perTokenKey = "num_experts_per_tok"
  var perToken = 2
  var widthKey = "moe_intermediate_size"
  /// Nil: the key is required.
  var width: Int?
  var score = Router.Score.softmax
  var normalization: Float?
  var factor: Float = 1
  /// The tensor, inside the block, of what is added to scores for the choice, with its dimensions before the last.
  var correction: (tensor: String, dimensions: [Int])?
  var groups: (count: String, kept: String)?
  /// Those of a configuration that does not say.
  var groupDefaults = (count: 1, kept: 1)
  /// How many of its best experts decide about a group.
  var expertsOfGroupScore = 2
  var weighsInputs = false
  /// The layers before and behind all experts, of fewer channels.
  var latent: Experts.Latent?
  /// The feed-forward part that every token uses.
  var shared: FeedForward?
  var sharedGate: LayerSlot?

  init(_ parts: DecoderParts) { self.parts = parts }

  private var configuration: JSONReader { parts.configuration.reader }

  /// Gives every token a shared part, as wide as so many experts together.
  mutating func readShared(_ key: String, default count: Int) throws {
    let count = try configuration.optional(key)?.int(in: 0...1024) ?? count
    guard count > 0 else { return }
    let width = try configuration.optional(widthKey)?.int(in: 1...1 << 24) ?? width
    guard let width else { throw configuration.mismatch("an object with \(widthKey)") }
    shared = parts.gatedFeedForward("\(module).shared_experts", size: count * width)
  }

  /// Gives every token a shared part of a width of its own, and with a gate.
  mutating func readGatedShared(_ key: String, default width: Int) throws {
    let width = try configuration.optional(key)?.int(in: 1...1 << 24) ?? width
    shared = parts.gatedFeedForward("\(module).shared_expert", size: width)
    sharedGate = LayerSlot(
      "\(module).shared_expert_gate", outputs: 1, inputs: parts.configuration.hiddenSize
    ).kept(.sharedGate)
  }

  /// - Parameter block: The number of the block, for configurations that list them.
  func experts(ofBlock block: Int = 0) throws -> Experts {
    let countKey = countKeys.first { configuration.value[$0] != nil } ?? countKeys[0]
    let count = try number(countKey, ofBlock: block, in: 1...4096) ?? count
    let perToken = try number(perTokenKey, ofBlock: block, in: 1...4096) ?? perToken
    guard perToken <= count else {
      throw InputError(
        .invalidValue, place: perTokenKey,
        "found \(perToken), expected at most \(countKey), which is \(count)")
    }
    let width = try number(widthKey, ofBlock: block, in: 1...1 << 24) ?? width
    guard let width else { throw configuration.mismatch("an object with \(widthKey)") }
    var routing = Router(
      experts: count, perToken: perToken, score: score, normalization: normalization)
    routing.factor = factor
    routing.groups = try readGroups(count, perToken: perToken)
    let router = LayerSlot(
      StoredMatrix.fullName(self.router, in: module), outputs: count,
      inputs: parts.configuration.hiddenSize,
      hasBias: hasRouterBias)
    var experts = Experts(
      router: router.kept(.router), routing: routing,
      correction: correction.map {
        .init(stored: StoredMatrix($0.tensor), shape: $0.dimensions + [count])
      },
      experts: (0..<count).map { expert($0, of: count, width: width) },
      function: function ?? parts.configuration.function, shared: shared)
    (experts.upFunction, experts.weighsInputs) = (upFunction, weighsInputs)
    (experts.sharedGate, experts.logits, experts.latent) = (sharedGate, logits, latent)
    return experts
  }

  private func expert(_ number: Int, of count: Int, width: Int) -> Experts.Expert {
    let hidden = latent?.input.outputs ?? parts.configuration.hiddenSize
    func slot(_ layer: ExpertStacks.Layer) -> LayerSlot {
      let name =
        switch layer {
        case .gate: names.gate
        case .up: names.up
        case .down: names.down
        }
      let slot = LayerSlot(
        StoredMatrix.fullName("experts.\(number).\(name)", in: module),
        outputs: layer == .down ? hidden : width,
        inputs: layer == .down ? width : hidden)
      return stacks?.placed(slot, layer, ofExpert: number, of: count) ?? slot
    }
    return .init(gate: isGated ? slot(.gate) : nil, up: slot(.up), down: slot(.down))
  }

  /// A whole number, or the block's in a list with one for each.
  private func number(_ key: String, ofBlock block: Int, in range: ClosedRange<Int>) throws -> Int?
  {
    guard let reader = try configuration.optional(key) else { return nil }
    guard reader.value.arrayValue != nil else { return try reader.int(in: range) }
    let all = try reader.elements()
    guard all.count == parts.configuration.blockCount else {
      throw reader.mismatch(
        "a number, or \(parts.configuration.blockCount) of them, one for each block")
    }
    return try all[block].int(in: range)
  }

  private func readGroups(_ experts: Int, perToken: Int) throws -> Router.Groups? {
    guard let groups else { return nil }
    let count =
      try configuration.optional(groups.count)?.int(in: 1...4096)
      ?? groupDefaults.count
    let kept = try configuration.optional(groups.kept)?.int(in: 1...4096) ?? groupDefaults.kept
    guard experts.isMultiple(of: count) else {
      throw InputError(
        .invalidValue, place: groups.count,
        "found \(count), expected a divisor of the number of experts, which is \(experts)")
    }
    guard kept <= count, kept * (experts / count) >= perToken else {
      throw InputError(
        .invalidValue, place: groups.kept,
        "found \(kept), expected at most \(groups.count), which is \(count), "
          + "and groups with at least the \(perToken) experts of a token")
    }
    guard count > 1 else { return nil }
    var result = Router.Groups(count: count, kept: kept)
    result.summed = expertsOfGroupScore
    return result
  }
}
