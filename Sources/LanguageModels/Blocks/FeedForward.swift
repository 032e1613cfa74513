package import Recordings

/// The layers that work on each token by itself: `down(f(gate(x)) * up(x))`, or `down(f(up(x)))` without a gate.
package struct FeedForward: Hashable, Sendable {
  /// Those that read the input, which run as one product: the gate before what it lets through. Both may be one
  /// layer.
  package var inputs: [LayerSlot]
  package var isGated: Bool
  package var function: ElementFunction
  /// Factor on the gate before its function.
  package var gateFactor: Float = 1
  package var output: LayerSlot

  package init(
    inputs: [LayerSlot], isGated: Bool, function: ElementFunction, gateFactor: Float = 1,
    output: LayerSlot
  ) {
    self.inputs = inputs
    self.isGated = isGated
    self.function = function
    self.gateFactor = gateFactor
    self.output = output
  }

  func record(_ x: Value, in recorder: inout BlockRecorder) -> Value {
    let projected = recorder.linear(inputs, x)
    let active = recorder.activated(
      projected, function, isGated: isGated, gateFactor: gateFactor)
    return recorder.linear([output], active)
  }
}

extension BlockRecorder {
  /// Records `f(factor gate) * g(up)` of gates and ups side by side, or `f(up)` where there are no gates.
  mutating func activated(
    _ projected: Value, _ function: ElementFunction, isGated: Bool, gateFactor: Float = 1,
    upFunction: ElementFunction? = nil
  ) -> Value {
    let columns = operations.operand(projected).columns
    guard isGated else { return operations.map(function, operations.operand(projected)) }
    let gate = operations.operand(projected, columns: 0..<columns / 2)
    var up = operations.operand(projected, columns: columns / 2..<columns)
    let factored = scaled(gate, by: gateFactor)
    if let upFunction {
      let value = operations.map(upFunction, up)
      up = operations.operand(value)
    }
    return operations.gate(function, factored, up)
  }
}
