package import Compute
package import Tensors

/// The second device: each operation in f64, written down as its definition reads (``Tape``), on memory that
/// only a device's own code reaches. Slow, and to be compared with.
///
/// Results are rounded to the compute type when they are stored, gradients of parameters to f32.
package final class ReferenceDevice: Device {
  package let compute: ComputeType

  package init(compute: ComputeType) { self.compute = compute }

  package func supports(_ node: Node, in recording: Recording) -> Support { .yes }

  /// Room for the gradients of all parameters, one after the other.
  package func scratch(of node: Node, in recording: Recording) -> Scratch {
    Scratch(
      backward: node.parameters.reduce(0) {
        let info = recording.parameters[$1.index]
        return $0 + info.rows * info.columns * MemoryLayout<Float>.stride
      })
  }

  package func kernel(for step: Step) -> any Kernel { ReferenceKernel(step: step) }

  package func makeBuffer(byteCount: Int) -> any DeviceBuffer {
    ReferenceBuffer(byteCount: byteCount)
  }

  package func makeBuffer(of tensor: Tensor) -> any DeviceBuffer {
    let buffer = ReferenceBuffer(byteCount: tensor.count * tensor.dtype.byteCount)
    tensor.withUnsafeBytes { buffer.upload($0, to: 0) }
    return buffer
  }

  package func makeState(_ shape: StateShape, capacity: Int) -> SequenceState {
    switch shape {
    case .keysAndValues(let keyColumns, let valueColumns):
      .keysAndValues(
        KeyValueCache(
          capacity: capacity, keyColumns: keyColumns, valueColumns: valueColumns, device: self))
    }
  }
}
