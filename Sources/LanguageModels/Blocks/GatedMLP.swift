import Compute

/// A gated MLP: `down(silu(gate(x)) * up(x))`. Gate and up projection run as one product, because they read the
/// same input.
package struct GatedMLP: Hashable, Sendable {
  package var gate: LayerSlot
  package var up: LayerSlot
  package var down: LayerSlot

  func record(_ x: Value, in recorder: inout BlockRecorder) -> Value {
    let projected = recorder.linear([gate, up], x)
    return recorder.linear([down], recorder.operations.siluGate(projected))
  }
}
