internal import CKernels
import Compute
import MatrixProducts
import Recordings
import Tensors

/// The product of a linear layer, and those of its gradients.
struct LinearKernel: Kernel {
  private let step: Step
  private let shape: LinearShape
  private let precision: GradientPrecision
  /// That of the result and of its gradient.
  private let type: ComputeType
  private let product: MatrixProduct
  /// Nil where nothing trains.
  private let gradients: (any LinearGradients)?

  init(_ step: Step, _ precision: GradientPrecision, device: CPUDevice) throws {
    self.step = step
    let shape = LinearShape(step.node, in: step.recording)
    (self.shape, self.precision) = (shape, precision)
    type = step.recording.type(of: step.result)
    precondition(type == shape.compute || type == .float32)
    product = try device.product(
      ProductShape(
        m: shape.rows, n: shape.outputs, k: shape.inputs, transposesB: true,
        rowStrideA: shape.inputStride, input: shape.compute.product, output: type.product,
        hasBias: step.parameters.count > 1))
    gradients =
      step.training == .nothing
      ? nil
      : try precision.gradients(of: shape, inputGradient: step.gradientModes[0], device: device)
  }

  static func scratch(
    of node: Node, _ precision: GradientPrecision, in recording: Recording
  ) -> Scratch {
    let shape = LinearShape(node, in: recording)
    return Scratch(
      backward: layout(shape, precision, recording.type(of: node.result)).byteCount)
  }

  /// Scratch memory of the backward pass: that of the products, and then the gradient of a result of another type.
  private static func layout(
    _ shape: LinearShape, _ precision: GradientPrecision, _ type: ComputeType
  ) -> (gradient: Int, byteCount: Int) {
    let products = precision.scratchByteCount(of: shape)
    guard type != shape.compute else { return (products, products) }
    var layout = ScratchLayout()
    _ = layout.place(products)
    let gradient = layout.place(shape.rows * shape.outputs * shape.compute.byteCount)
    return (gradient, layout.byteCount)
  }

  func forward(in program: Program) {
    let bias = step.parameters.count > 1 ? program[step.parameters[1]] : nil
    product.run(
      program[step.inputs[0]], program[step.parameters[0]], program[step.result],
      bias: bias.map { UnsafePointer($0) })
  }

  func backward(in program: Program) {
    guard let gradients else { return }
    let weight = step.parameters[0]
    let (range, pass) = (program.backwardScratch(of: step), program.backwardPass)
    let scratch = range.pointer
    let dy = gradient(in: program, scratch: scratch)
    // The input's gradient comes first: it needs the weight that the taker of dW may change.
    gradients.begin(dy, pass: pass, scratch: scratch)
    if let target = program.gradientTarget(0, of: step) {
      gradients.inputGradient(
        dy, weight: program[weight], into: target, pass: pass, scratch: scratch)
    }
    if step.trains(weight), program.wants(weight) {
      gradients.weightGradient(dy, x: program[step.inputs[0]], pass: pass, scratch: scratch)
      program.deliver(range, of: weight)
    }
    if step.parameters.count > 1, step.trains(step.parameters[1]) {
      let sums = range.floats
      sums.update(repeating: 0, count: shape.outputs)
      ck_column_sums(
        shape.compute.element, dy, shape.outputs, sums, shape.outputs, 0, shape.rows)
      program.deliver(range, of: step.parameters[1])
    }
  }

  /// The gradient of the result in the compute type.
  private func gradient(
    in program: Program, scratch: UnsafeMutableRawPointer
  ) -> UnsafeRawPointer {
    let dy = program.gradient(of: step.result)
    guard type != shape.compute else { return UnsafeRawPointer(dy) }
    let floats = dy.assumingMemoryBound(to: Float.self)
    let rounded = scratch + Self.layout(shape, precision, type).gradient
    let (compute, columns) = (shape.compute, shape.outputs)
    ThreadTeam.forRanges(of: shape.rows) { begin, end in
      ck_write_rows(
        compute.element, floats + begin * columns, rounded + begin * columns * compute.byteCount,
        columns, false, end - begin, columns)
    }
    return UnsafeRawPointer(rounded)
  }
}
