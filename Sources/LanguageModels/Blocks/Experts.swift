package import Recordings

/// A feed-forward part of which each token uses a few of many: the weighted sum of what the chosen experts answer, plus
/// what a shared one does.
package struct Experts: Hashable, Sendable {
  /// One expert: `down(f(gate(x)) * up(x))`.
  package struct Expert: Hashable, Sendable {
    package var gate: LayerSlot
    package var up: LayerSlot
    package var down: LayerSlot

    package init(
      gate: LayerSlot, up: LayerSlot, down: LayerSlot
    ) {
      self.gate = gate
      self.up = up
      self.down = down
    }
  }

  /// The numbers that are added to scores for the choice.
  package struct Correction: Hashable, Sendable {
    package var stored: StoredMatrix
    /// Its shape, with as many elements as there are experts.
    package var shape: [Int]

    package init(
      stored: StoredMatrix, shape: [Int]
    ) {
      self.stored = stored
      self.shape = shape
    }
  }

  /// The norm of what experts read; nil: they read the input as it is.
  package var inputNorm: NormSlot?
  /// That of what the router reads, and a factor on it.
  package var routerNorm: NormSlot?
  package var routerFactor: Float = 1
  /// The layer whose outputs are the logits of the choice.
  package var router: LayerSlot
  package var routing: Router
  package var correction: Correction?
  /// A factor on the weight of each expert.
  package var factors: StoredMatrix?
  package var experts: [Expert]
  package var function: ElementFunction
  /// What every token uses besides.
  package var shared: FeedForward?

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
    let choosing = routerNorm.map { recorder.norm($0, x) } ?? x
    let scaled = recorder.scaled(recorder.operations.operand(choosing), by: routerFactor)
    let logits = recorder.linear([router], scaled.value)
    let x = inputNorm.map { recorder.norm($0, x) } ?? x
    let correction = correction.map { recorder.vector($0.stored, shape: $0.shape) }
    var routing = recorder.operations.routing(
      recorder.operations.operand(logits), routing, bias: correction)
    if let factors {
      let weights = recorder.operations.scaling(
        recorder.operations.operand(routing.weights),
        weight: recorder.vector(factors, count: experts.count))
      routing = routing.with(weights: weights)
    }
    let projected = recorder.grouped(experts.map { [$0.gate, $0.up] }, x, routing)
    let size = recorder.operations.operand(projected).columns / 2
    let activated = recorder.operations.gate(
      function, recorder.operations.operand(projected, columns: 0..<size),
      recorder.operations.operand(projected, columns: size..<2 * size))
    let answers = recorder.grouped(experts.map { [$0.down] }, activated, routing)
    let sum = recorder.operations.combined(answers, routing)
    guard let shared else { return sum }
    let other = shared.record(x, in: &recorder)
    return recorder.operations.add(sum, other)
  }
}
