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
    let columns = recorder.operations.operand(projected).columns
    func part(_ range: Range<Int>) -> Operand {
      recorder.operations.operand(projected, columns: range)
    }
    guard isGated else {
      return recorder.linear([output], recorder.operations.map(function, part(0..<columns)))
    }
    let (gate, up) = (part(0..<columns / 2), part(columns / 2..<columns))
    let scaled = recorder.scaled(gate, by: gateFactor)
    return recorder.linear([output], recorder.operations.gate(function, scaled, up))
  }
}
