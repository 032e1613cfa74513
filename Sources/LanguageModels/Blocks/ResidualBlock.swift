package import Recordings

/// A block that adds to the residual stream what its sublayers answer, stage by stage:
///
///     x = x + factor * norm(mixer(norm(x)))
///
/// The sublayers of a stage all read the same x, and their answers are added together. Llama has two stages of one
/// sublayer; GPT-NeoX has one stage of two.
package struct ResidualBlock: DecoderBlock {
  package var width: Int
  package var stages: [[Sublayer]]
  /// A number that is a factor on what the block answers.
  package var scalar: StoredMatrix?

  package init(
    width: Int, stages: [[Sublayer]]
  ) {
    self.width = width
    self.stages = stages
  }

  package func record(_ x: Value, in recorder: inout BlockRecorder) -> Value {
    var x = x
    for stage in stages {
      let answers = stage.map { $0.record(x, in: &recorder) }
      for answer in answers { x = recorder.operations.add(x, answer) }
    }
    guard let scalar else { return x }
    return recorder.operations.scaling(
      recorder.operations.operand(x), weight: recorder.vector(scalar, count: 1), isConstant: true)
  }

  package var sublayers: [Sublayer] { stages.flatMap { $0 } }
}

/// A part of a block that answers to the residual stream.
package struct Sublayer: Hashable, Sendable {
  package var inputNorm: NormSlot?
  /// Factor on what the mixer reads.
  package var inputFactor: Float = 1
  package var mixer: Mixer
  package var outputNorm: NormSlot?
  package var factor: Float = 1

  package init(
    inputNorm: NormSlot? = nil, inputFactor: Float = 1, mixer: Mixer, outputNorm: NormSlot? = nil,
    factor: Float = 1
  ) {
    self.inputNorm = inputNorm
    self.inputFactor = inputFactor
    self.mixer = mixer
    self.outputNorm = outputNorm
    self.factor = factor
  }

  package enum Mixer: Hashable, Sendable {
    case attention(SelfAttention)
    case blockInput(BlockInputMixer)
    case experts(Experts)
    case feedForward(FeedForward)
    case gatedDelta(GatedDelta)
    case latentAttention(LatentAttention)
    case shortConvolution(ShortConvolution)
    case stateSpace(StateSpaceMixer)
    /// The sum of what several answer.
    case sum([Sublayer])
  }

  func record(_ x: Value, in recorder: inout BlockRecorder) -> Value {
    let read = scaled(inputNorm.map { recorder.norm($0, x) } ?? x, by: inputFactor, in: &recorder)
    var answer =
      switch mixer {
      case .attention(let attention): attention.record(read, in: &recorder)
      case .blockInput(let mixer): mixer.record(read, in: &recorder)
      case .experts(let experts): experts.record(read, in: &recorder)
      case .feedForward(let feedForward): feedForward.record(read, in: &recorder)
      case .gatedDelta(let delta): delta.record(read, in: &recorder)
      case .latentAttention(let attention): attention.record(read, in: &recorder)
      case .shortConvolution(let convolution): convolution.record(read, in: &recorder)
      case .stateSpace(let mixer): mixer.record(read, in: &recorder)
      case .sum(let parts): sum(of: parts, read, in: &recorder)
      }
    if let outputNorm { answer = recorder.norm(outputNorm, answer) }
    return scaled(answer, by: factor, in: &recorder)
  }

  private func sum(
    of parts: [Sublayer], _ x: Value, in recorder: inout BlockRecorder
  ) -> Value {
    let answers = parts.map { $0.record(x, in: &recorder) }
    return answers.dropFirst().reduce(answers[0]) { recorder.operations.add($0, $1) }
  }

  private func scaled(_ x: Value, by factor: Float, in recorder: inout BlockRecorder) -> Value {
    recorder.scaled(recorder.operations.operand(x), by: factor).value
  }
}
