package import Recordings

/// Mixes in what the front has made for the block: `projection(f(gate(x)) * e)`.
package struct BlockInputMixer: Hashable, Sendable {
  package var gate: LayerSlot
  package var function: ElementFunction
  package var projection: LayerSlot
  /// e.
  package var input: CarriedColumns

  package init(
    gate: LayerSlot, function: ElementFunction, projection: LayerSlot, input: CarriedColumns
  ) {
    self.gate = gate
    self.function = function
    self.projection = projection
    self.input = input
  }

  func record(_ x: Value, in recorder: inout BlockRecorder) -> Value {
    let gate = recorder.linear([gate], x)
    let input = recorder.carried(input)
    let gated = recorder.operations.gate(function, recorder.operations.operand(gate), input)
    return recorder.linear([projection], gated)
  }
}
