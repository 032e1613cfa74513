package import Recordings

/// A feed-forward part of which each token uses a few of many: the weighted sum of what the chosen experts answer, plus
/// what a shared one does.
package struct Experts: Hashable, Sendable {
  /// One expert: `down(f(gate(x)) * up(x))`, or `down(f(up(x)))` without a gate.
  package struct Expert: Hashable, Sendable {
    package var gate: LayerSlot?
    package var up: LayerSlot
    package var down: LayerSlot

    /// - Parameter gate: Nil for an expert without one; all experts have one, or none has.
    package init(gate: LayerSlot?, up: LayerSlot, down: LayerSlot) {
      (self.gate, self.up, self.down) = (gate, up, down)
    }

    /// The layers that read the input.
    var inputs: [LayerSlot] { [gate, up].compactMap(\.self) }
  }

  /// The layers before and behind all experts where these read and answer fewer channels than tokens have.
  package struct Latent: Hashable, Sendable {
    package var input: LayerSlot
    package var output: LayerSlot

    package init(input: LayerSlot, output: LayerSlot) {
      (self.input, self.output) = (input, output)
    }
  }

  /// The numbers that are added to scores for the choice.
  package struct Correction: Hashable, Sendable {
    package var stored: StoredMatrix
    /// Its shape, with as many elements as there are experts.
    package var shape: [Int]

    package init(stored: StoredMatrix, shape: [Int]) {
      (self.stored, self.shape) = (stored, shape)
    }
  }

  /// The norm of what experts read; nil: they read the input as it is.
  package var inputNorm: NormSlot?
  /// That of what the router reads, and a factor on it.
  package var routerNorm: NormSlot?
  package var routerFactor: Float = 1
  /// The layer whose outputs are the logits of the choice.
  package var router: LayerSlot
  /// The type of the logits; nil for the compute type.
  package var logits: ComputeType?
  package var routing: Router
  package var correction: Correction?
  /// A factor on the weight of each expert.
  package var factors: StoredMatrix?
  /// Whether what an expert counts is a factor on what it reads, and not on what it answers.
  package var weighsInputs = false
  package var experts: [Expert]
  /// Nil: experts read tokens as they are.
  package var latent: Latent?
  package var function: ElementFunction
  /// What becomes of the up projection before the gate is multiplied with it; nil: nothing.
  package var upFunction: ElementFunction?
  /// What every token uses besides.
  package var shared: FeedForward?
  /// A layer of one output, whose sigmoid is a factor on what the shared part answers.
  package var sharedGate: LayerSlot?

  package init(
    router: LayerSlot, routing: Router, correction: Correction? = nil, experts: [Expert],
    function: ElementFunction, shared: FeedForward? = nil
  ) {
    self.router = router
    self.routing = routing
    self.correction = correction
    self.experts = experts
    self.function = function
    self.shared = shared
  }

  func record(_ x: Value, in recorder: inout BlockRecorder) -> Value {
    recorder.note(Mixture(experts: self, input: x))
    let routing = choice(x, in: &recorder)
    let x = inputNorm.map { recorder.norm($0, x) } ?? x
    let answers = answers(x, routing, in: &recorder)
    var sum = recorder.operations.combined(answers, routing, isWeighted: !weighsInputs)
    if let latent { sum = recorder.linear([latent.output], sum) }
    guard let shared else { return sum }
    let other = shared.record(x, in: &recorder)
    return recorder.operations.add(sum, gated(other, x, in: &recorder))
  }

  /// Records what experts answer to the rows of `x` that they get, expert by expert.
  ///
  /// - Parameter x: The input, after its norm.
  func answers(_ x: Value, _ routing: Routing, in recorder: inout BlockRecorder) -> Value {
    var read = latent.map { recorder.linear([$0.input], x) } ?? x
    if weighsInputs {
      read = recorder.operations.dispatch(
        recorder.operations.operand(read), routing, isWeighted: true)
    }
    let projected = recorder.grouped(experts.map(\.inputs), read, routing)
    let active = recorder.activated(
      projected, function, isGated: experts.contains { $0.gate != nil }, upFunction: upFunction)
    return recorder.grouped(experts.map { [$0.down] }, active, routing)
  }

  /// Records which experts the rows of `x` choose, and what these count.
  package func choice(_ x: Value, in recorder: inout BlockRecorder) -> Routing {
    let choosing = routerNorm.map { recorder.norm($0, x) } ?? x
    let scaled = recorder.scaled(recorder.operations.operand(choosing), by: routerFactor)
    let logits = recorder.linear([router], scaled.value, as: logits)
    let correction = correction.map { recorder.vector($0.stored, shape: $0.shape) }
    let routing = recorder.operations.routing(
      recorder.operations.operand(logits), routing, bias: correction)
    guard let factors else { return routing }
    let weights = recorder.operations.scaling(
      recorder.operations.operand(routing.weights),
      weight: recorder.vector(factors, count: experts.count))
    return routing.with(weights: weights)
  }

  /// What the shared part answers to `x`, times its gate.
  private func gated(_ answer: Value, _ x: Value, in recorder: inout BlockRecorder) -> Value {
    guard let sharedGate else { return answer }
    let gate = recorder.linear([sharedGate], x)
    return recorder.operations.gate(
      .sigmoid, recorder.operations.operand(gate), recorder.operations.operand(answer))
  }
}
