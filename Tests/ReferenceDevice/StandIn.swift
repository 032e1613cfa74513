import CPU
package import Compute
package import Diagnostics
package import Quantization
package import Recordings
package import Tensors

/// The processor in another role: it counts the tensors that it reads in place, tells when it measures, and may compute what
/// needs nothing but products of f32 in programs of a type that it does not multiply.
package final class StandIn: TuningDevice {
  package let name = "stand-in"
  package let compute: ComputeType
  private let device: CPUDevice
  /// Called whenever something was computed of a loss.
  private let watch: () -> Void

  /// Bytes of all tensors that buffers were made of.
  package private(set) var tensorByteCount = 0

  package init(compute: ComputeType = .float32, watch: @escaping () -> Void = {}) throws {
    (self.compute, self.watch) = (compute, watch)
    device = try CPUDevice(compute: .float32)
  }

  package func supports(_ node: Node, in recording: Recording) -> Support {
    device.supports(node, in: recording)
  }

  package func scratch(of node: Node, in recording: Recording) -> Scratch {
    device.scratch(of: node, in: recording)
  }

  package func kernel(for step: Step) throws -> any Kernel { try device.kernel(for: step) }
  package func makesMatrices(of node: Node) -> Bool { device.makesMatrices(of: node) }

  package func makeBuffer(byteCount: Int) -> any DeviceBuffer {
    device.makeBuffer(byteCount: byteCount)
  }

  package func makeBuffer(of tensor: Tensor) -> any DeviceBuffer {
    tensorByteCount += tensor.byteCount
    return device.makeBuffer(of: tensor)
  }

  package func makeBuffer(
    over memory: UnsafeMutableRawBufferPointer, owner: AnyObject
  ) -> any DeviceBuffer { device.makeBuffer(over: memory, owner: owner) }

  package var rowsOfStatePiece: Int { device.rowsOfStatePiece }

  package func squaredError(
    _ y: DeviceRange, target: DeviceRange, count: Int, gradient: DeviceRange?, factor: Float
  ) -> Double {
    watch()
    return device.squaredError(y, target: target, count: count, gradient: gradient, factor: factor)
  }

  package func squaredErrors(
    _ y: DeviceRange, target: DeviceRange, rows: Int, columns: Int
  ) -> [Double] {
    watch()
    return device.squaredErrors(y, target: target, rows: rows, columns: columns)
  }

  package func suppressOutliers(in parts: [(y: DeviceRange, target: DeviceRange, count: Int)]) {
    device.suppressOutliers(in: parts)
  }

  package func addSquares(of x: DeviceRange, rows: Int, stride: Int, to sums: inout [Float]) {
    device.addSquares(of: x, rows: rows, stride: stride, to: &sums)
  }

  package func add(_ x: DeviceRange, to sum: DeviceRange, count: Int, keeping kept: Float) {
    device.add(x, to: sum, count: count, keeping: kept)
  }

  package func makeWeightQuantizer(
    for weight: Tensor, _ arguments: QuantizationArguments, scaleDType: DType, globalScale: Float?,
    isTuned: Bool
  ) throws(InputError) -> any WeightQuantizer {
    try device.makeWeightQuantizer(
      for: weight, arguments, scaleDType: scaleDType, globalScale: globalScale, isTuned: isTuned)
  }
}
