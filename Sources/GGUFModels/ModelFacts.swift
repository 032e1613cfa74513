import Diagnostics
import JSONText
import LanguageModels
import Recordings

/// What metadata ask of a model: read from its description, which knows what absent keys of a configuration mean, and for
/// the few things that are not in it from the configuration of the part that reads text.
struct ModelFacts: Sendable {
  let configuration: JSONReader
  /// The whole configuration.
  let whole: JSONReader
  let model: ModelDescription
  /// The sublayers of each block, those of sums among them.
  private let sublayers: [[Sublayer]]

  init(_ configuration: JSONReader, _ model: ModelDescription) throws(InputError) {
    self.configuration = try configuration.optional("text_config") ?? configuration
    (self.model, whole) = (model, configuration)
    sublayers = model.blocks.map { placed in
      ((placed.block as? ResidualBlock)?.sublayers ?? []).flatMap(Self.unfolded)
    }
  }

  private static func unfolded(_ sublayer: Sublayer) -> [Sublayer] {
    if case .sum(let parts) = sublayer.mixer { [sublayer] + parts } else { [sublayer] }
  }

  /// Whether a block has sublayers beside each other.
  var isParallel: Bool {
    model.blocks.contains {
      ($0.block as? ResidualBlock)?.stages.contains { $0.count > 1 } ?? false
    }
  }

  private func ofBlocks<Part>(_ part: (Sublayer.Mixer) -> Part?) -> [Part?] {
    sublayers.map { parts in
      for sublayer in parts {
        if let found = part(sublayer.mixer) { return found }
      }
      return nil
    }
  }

  // MARK: Parts

  /// By block; nil where a block has none.
  var attentions: [SelfAttention?] {
    ofBlocks { if case .attention(let attention) = $0 { attention } else { nil } }
  }

  private var latents: [LatentAttention?] {
    ofBlocks { if case .latentAttention(let attention) = $0 { attention } else { nil } }
  }

  var experts: [Experts?] {
    ofBlocks { if case .experts(let experts) = $0 { experts } else { nil } }
  }

  var feedForwards: [FeedForward?] {
    ofBlocks { if case .feedForward(let part) = $0 { part } else { nil } }
  }

  var delta: GatedDelta? {
    ofBlocks { if case .gatedDelta(let delta) = $0 { delta } else { nil } }
      .lazy.compactMap(\.self).first
  }

  var stateSpace: StateSpaceMixer? {
    ofBlocks { if case .stateSpace(let mixer) = $0 { mixer } else { nil } }
      .lazy.compactMap(\.self).first
  }

  /// Of linear attention or of a state space, with the taps of the convolution before it.
  var scan: (scan: Scan, taps: Int)? {
    delta.map { ($0.scan, $0.convolution.kind.taps) }
      ?? stateSpace.map { ($0.scan, $0.convolution.kind.taps) }
  }

  var convolution: ShortConvolution? {
    ofBlocks { if case .shortConvolution(let part) = $0 { part } else { nil } }
      .lazy.compactMap(\.self).first
  }

  var latent: LatentAttention? { latents.lazy.compactMap(\.self).first }
  /// Heads and scores of each block's attention, of either kind.
  var shapes: [AttentionShape?] { zip(attentions, latents).map { $0?.shape ?? $1?.shape } }
  /// That of blocks which see all keys.
  var fullShape: AttentionShape? { shapes.lazy.compactMap(\.self).first { $0.visible == .all } }
  /// That of blocks with a window.
  var slidingShape: AttentionShape? { zip(shapes, slidingBlocks).first { $0.1 }?.0 }
  var shape: AttentionShape? { shapes.lazy.compactMap(\.self).first }
  /// By block; nil where a block has no attention, or one that knows no positions.
  var rotaries: [RotarySettings?] { zip(attentions, latents).map { $0?.rotary ?? $1?.rotary } }
  var attention: SelfAttention? { attentions.lazy.compactMap(\.self).first }
  var mixture: Experts? { experts.lazy.compactMap(\.self).first }
  var routing: Router? { mixture?.routing }

  // MARK: Sizes

  var blockCount: Int { model.blocks.count }
  /// Key-value heads of each block, none where a block has other mixers.
  var keyValueHeads: [Int] { shapes.map { $0?.keyValueHeadCount ?? 0 } }
  var expertWidth: Int? { mixture?.experts.first?.up.outputs }
  var sharedWidth: Int? { mixture?.shared?.output.inputs }
  /// Channels of a dense feed-forward part. Where all blocks have experts, what the configuration says nevertheless.
  var feedForwardWidth: Int? {
    feedForwards.lazy.compactMap { $0?.output.inputs }.first
      ?? configuration.value["intermediate_size"]?.intValue ?? expertWidth
  }
  /// The functions of feed-forward parts and experts, block by block.
  var allFunctions: [ElementFunction] {
    feedForwards.compactMap { $0?.function } + experts.compactMap { $0?.function }
  }
  /// Blocks before the first one with experts.
  var leadingDenseBlocks: Int { experts.prefix { $0 == nil }.count }

  /// Among blocks of linear attention: every n-th has the other one.
  var fullAttentionInterval: Int { (attentions.firstIndex { $0 != nil } ?? blockCount) + 1 }

  var window: Int? {
    shapes.lazy.compactMap { shape -> Int? in
      if case .window(let count) = shape?.visible { count } else { nil }
    }.first
  }

  var slidingBlocks: [Bool] {
    shapes.map { if case .window = $0?.visible { true } else { false } }
  }

  /// That of norms before or behind sublayers, or at the end.
  var norm: Normalization? {
    normsOfSublayers.joined().first?.kind ?? model.end.norm?.kind
  }

  /// The norms before and behind sublayers, by block.
  var normsOfSublayers: [[NormSlot]] {
    sublayers.map { $0.flatMap { [$0.inputNorm, $0.outputNorm].compactMap(\.self) } }
  }

  var residualFactor: Float { sublayers.joined().first?.factor ?? 1 }

  // MARK: Positions

  /// Those of blocks that see all keys, or of all if none does.
  var rotary: RotarySettings? {
    let turning = zip(shapes, rotaries).filter {
      $0.1?.inverseFrequencies.contains { $0 != 0 } == true
    }
    return (turning.first { $0.0?.visible == .all } ?? turning.first)?.1
  }

  /// Those of blocks with a window, where they are other than the others'.
  var slidingRotary: RotarySettings? {
    let found = zip(shapes, rotaries).lazy.compactMap { shape, rotary -> RotarySettings? in
      if case .window = shape?.visible { rotary } else { nil }
    }.first
    return found == rotary ? nil : found
  }

  var rotatedChannels: Int? { rotary.map { 2 * $0.inverseFrequencies.count } }

  // MARK: Keys of the configuration

  /// The object that speaks of angles: of all layers, or of those that see all keys.
  func rotaryParameters() throws(InputError) -> JSONReader? {
    guard let parameters = try configuration.optional("rope_parameters") else {
      return try configuration.optional("rope_scaling")
    }
    return try parameters.optional("full_attention") ?? parameters
  }
}

extension JSONReader {
  /// A number that f32 can hold, as metadata have it.
  func float32() throws(InputError) -> Float {
    let number = Float(try double())
    guard number.isFinite else { throw mismatch("a number that f32 can hold") }
    return number
  }

  /// The first of two members that is there.
  func optional(_ key: String, _ other: String) throws(InputError) -> JSONReader? {
    if let reader = try optional(key) { return reader }
    return try optional(other)
  }
}

extension [JSONReader] {
  /// The member of the first that has it.
  func firstOptional(_ key: String) throws(InputError) -> JSONReader? {
    for reader in self {
      if let found = try reader.optional(key) { return found }
    }
    return nil
  }
}
