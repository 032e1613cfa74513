package import Compute
package import Diagnostics
package import Quantization
package import Recordings
package import Tensors

/// The second device: each operation in f64, written down as its definition reads (``Tape``), on memory that
/// only a device's own code reaches. Slow, and to be compared with.
///
/// Results are rounded to the compute type when they are stored, gradients of parameters to f32.
package final class ReferenceDevice: TuningDevice {
  package let name = "reference"
  package let compute: ComputeType
  /// Names of operations that it refuses, to see what becomes of such a model.
  private let refused: Set<String>

  package init(compute: ComputeType, refusing refused: Set<String> = []) {
    self.compute = compute
    self.refused = refused
  }

  package func supports(_ node: Node, in recording: Recording) -> Support {
    refused.contains(node.operation.name) ? .no("was asked to refuse it") : .yes
  }

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

  package func makeBuffer(
    over memory: UnsafeMutableRawBufferPointer, owner: AnyObject
  ) -> any DeviceBuffer { ReferenceBuffer(over: memory, owner: owner) }

  /// One of its own for integers that are tuned; the processor's for what is only rounded, and for floats.
  package func makeWeightQuantizer(
    for weight: Tensor, _ arguments: QuantizationArguments, scaleDType: DType, globalScale: Float?,
    isTuned: Bool
  ) throws(InputError) -> any WeightQuantizer {
    guard isTuned, arguments.type == .int else {
      return try arguments.makeWeightQuantizer(
        for: weight, scaleDType: scaleDType, globalScale: globalScale, isTuned: isTuned)
    }
    return try ReferenceWeightQuantizer(
      weight: weight, arguments: arguments, scaleDType: scaleDType)
  }

  package var rowsOfStatePiece: Int { 1 }
}
