internal import CKernels
import Compute
import MatrixProducts
import Recordings
import Tensors

/// The product of a linear layer whose matrix is f32 where activations are not: they are widened, and all products
/// are those of f32. It is for small layers that have to be exact, such as routers.
struct WidenedLinearKernel: Kernel {
  private let step: Step
  private let shape: LinearShape
  private let product: MatrixProduct
  /// Nil where nothing trains.
  private let weightProduct: MatrixProduct?
  /// Nil where nobody needs the gradient of the input.
  private let inputProduct: MatrixProduct?

  /// Whether a linear layer is computed in this way.
  static func computes(_ node: Node, in recording: Recording) -> Bool {
    node.parameters.first.map { recording.type(of: $0) } != recording.compute
  }

  init(_ step: Step, device: CPUDevice) throws {
    let shape = LinearShape(step.node, in: step.recording)
    precondition(step.recording.type(of: step.result) == .float32)
    (self.step, self.shape) = (step, shape)
    product = try device.product(
      ProductShape(
        m: shape.rows, n: shape.outputs, k: shape.inputs, transposesB: true, input: .float32,
        output: .float32, hasBias: step.parameters.count > 1))
    let trains = step.training != .nothing
    weightProduct =
      !trains
      ? nil
      : try device.product(
        ProductShape(
          m: shape.outputs, n: shape.inputs, k: shape.rows, transposesA: true, input: .float32,
          output: .float32))
    inputProduct =
      !trains || step.gradientModes[0] == .none
      ? nil
      : try device.product(
        ProductShape(
          m: shape.rows, n: shape.inputs, k: shape.outputs, input: .float32, output: .float32))
  }

  static func scratch(of node: Node, in recording: Recording) -> Scratch {
    let shape = LinearShape(node, in: recording)
    return Scratch(
      forward: shape.rows * shape.inputs * MemoryLayout<Float>.stride,
      backward: layout(shape).byteCount)
  }

  /// Scratch memory of the backward pass: the gradient of the matrix, and then rows like those of the input.
  private static func layout(_ shape: LinearShape) -> (rows: Int, byteCount: Int) {
    var layout = ScratchLayout()
    _ = layout.place(shape.outputs * shape.inputs * MemoryLayout<Float>.stride)
    let rows = layout.place(shape.rows * shape.inputs * MemoryLayout<Float>.stride)
    return (rows, layout.byteCount)
  }

  func forward(in program: Program) {
    let x = program.forwardScratch(of: step).floats
    widen(program[step.inputs[0]], into: x)
    let bias = step.parameters.count > 1 ? program[step.parameters[1]] : nil
    product.run(
      x, program[step.parameters[0]], program[step.result], bias: bias.map { UnsafePointer($0) })
  }

  func backward(in program: Program) {
    let (weight, range) = (step.parameters[0], program.backwardScratch(of: step))
    let rows = (range + Self.layout(shape).rows).floats
    let dy = UnsafeRawPointer(program.gradient(of: step.result))
    // The input's gradient comes first: it needs the weight that the taker of dW may change.
    if let inputProduct, let target = program.gradientTarget(0, of: step) {
      inputProduct.run(dy, program[weight], rows)
      let (element, count, size) = (shape.compute.element, shape.inputs, shape.compute.byteCount)
      ThreadTeam.forRanges(of: shape.rows) { begin, end in
        ck_write_rows(
          element, rows + begin * count, target.pointer + begin * target.rowStride * size,
          target.rowStride, target.accumulates, end - begin, count)
      }
    }
    if let weightProduct, step.trains(weight), program.wants(weight) {
      widen(program[step.inputs[0]], into: rows)
      weightProduct.run(dy, rows, range.pointer)
      program.deliver(range, of: weight)
    }
    if step.parameters.count > 1, step.trains(step.parameters[1]) {
      let sums = range.floats
      sums.update(repeating: 0, count: shape.outputs)
      ck_column_sums(
        ComputeType.float32.element, dy, shape.outputs, sums, shape.outputs, 0, shape.rows)
      program.deliver(range, of: step.parameters[1])
    }
  }

  private func widen(_ x: UnsafeMutableRawPointer, into y: UnsafeMutablePointer<Float>) {
    let (element, columns, stride) = (shape.compute.element, shape.inputs, shape.inputStride)
    let size = shape.compute.byteCount
    ThreadTeam.forRanges(of: shape.rows) { begin, end in
      ck_read_rows(
        element, x + begin * stride * size, stride, y + begin * columns, end - begin, columns)
    }
  }
}
