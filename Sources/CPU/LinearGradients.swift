import Compute
import MatrixProducts
import Recordings

/// Sizes of a linear layer in a program.
struct LinearShape {
  var rows: Int
  var inputs: Int
  var outputs: Int
  /// Elements from one row of the input to the next.
  var inputStride: Int
  var compute: ComputeType

  init(_ node: Node, in recording: Recording) {
    let input = node.inputs[0]
    rows = recording.rows(of: node.result)
    inputs = input.columns
    outputs = recording.columns(of: node.result)
    inputStride = recording.columns(of: input.value)
    compute = recording.compute
  }
}

/// The products of a linear layer's backward pass. Scratch memory is the same in all calls of one pass.
///
/// `pass` is the number of the backward pass: what is rounded at random is rounded differently in each.
protocol LinearGradients {
  /// Prepares for the gradient `dy` `[rows, outputs]`.
  func begin(_ dy: UnsafeRawPointer, pass: UInt32, scratch: UnsafeMutableRawPointer)
  /// `dx = dy W`, written or added to the target.
  func inputGradient(
    _ dy: UnsafeRawPointer, weight: UnsafeRawPointer, into target: GradientTarget, pass: UInt32,
    scratch: UnsafeMutableRawPointer)
  /// `dW = dy^T x`, `[outputs, inputs]` at the start of scratch memory.
  func weightGradient(
    _ dy: UnsafeRawPointer, x: UnsafeRawPointer, pass: UInt32, scratch: UnsafeMutableRawPointer)
}

extension GradientPrecision {
  /// Bytes of scratch memory that a layer's backward pass needs.
  func scratchByteCount(of shape: LinearShape) -> Int {
    switch self {
    case .full: shape.outputs * shape.inputs * MemoryLayout<Float>.stride
    case .int8: Int8LinearGradients.Scratch(shape).byteCount
    }
  }

  func gradients(
    of shape: LinearShape, inputGradient: GradientMode, device: CPUDevice
  ) throws -> any LinearGradients {
    switch self {
    case .full: try FullLinearGradients(shape, inputGradient: inputGradient, device: device)
    case .int8: try Int8LinearGradients(shape, inputGradient: inputGradient, device: device)
    }
  }
}

/// Gradients from products in the compute type.
struct FullLinearGradients: LinearGradients {
  private let inputProduct: MatrixProduct?
  private let weightProduct: MatrixProduct

  init(_ shape: LinearShape, inputGradient mode: GradientMode, device: CPUDevice) throws {
    let type = shape.compute.product
    inputProduct =
      mode == .none
      ? nil
      : try device.product(
        ProductShape(
          m: shape.rows, n: shape.inputs, k: shape.outputs, rowStrideC: shape.inputStride,
          input: type, output: type, accumulates: mode == .accumulate))
    weightProduct = try device.product(
      ProductShape(
        m: shape.outputs, n: shape.inputs, k: shape.rows, transposesA: true,
        rowStrideB: shape.inputStride, input: type, output: .float32))
  }

  func begin(_ dy: UnsafeRawPointer, pass: UInt32, scratch: UnsafeMutableRawPointer) {}

  func inputGradient(
    _ dy: UnsafeRawPointer, weight: UnsafeRawPointer, into target: GradientTarget, pass: UInt32,
    scratch: UnsafeMutableRawPointer
  ) {
    inputProduct?.run(dy, weight, target.pointer)
  }

  func weightGradient(
    _ dy: UnsafeRawPointer, x: UnsafeRawPointer, pass: UInt32, scratch: UnsafeMutableRawPointer
  ) {
    weightProduct.run(dy, x, scratch)
  }
}
