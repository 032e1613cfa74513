internal import CKernels
import Compute
import MatrixProducts
import Recordings

/// The product of a linear layer, and those of its gradients.
struct LinearKernel: Kernel {
  private let step: Step
  private let shape: LinearShape
  private let product: MatrixProduct
  /// Nil where nothing trains.
  private let gradients: (any LinearGradients)?

  init(_ step: Step, _ precision: GradientPrecision, device: CPUDevice) throws {
    self.step = step
    let shape = LinearShape(step.node, in: step.recording)
    self.shape = shape
    let type = step.recording.type(of: step.result)
    precondition(
      step.training == .nothing || type == shape.compute, "gradients are in the compute type")
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
    Scratch(backward: precision.scratchByteCount(of: LinearShape(node, in: recording)))
  }

  func forward(in program: Program) {
    let bias = step.parameters.count > 1 ? program[step.parameters[1]] : nil
    product.run(
      program[step.inputs[0]], program[step.parameters[0]], program[step.result],
      bias: bias.map { UnsafePointer($0) })
  }

  func backward(in program: Program) {
    guard let gradients else { return }
    let (weight, dy) = (step.parameters[0], program.gradient(of: step.result))
    let (range, pass) = (program.backwardScratch(of: step), program.backwardPass)
    let scratch = range.pointer
    // The input's gradient comes first: it needs the weight that the taker of dW may change.
    gradients.begin(dy, pass: pass, scratch: scratch)
    if let target = program.gradientTarget(0, of: step) {
      gradients.inputGradient(
        dy, weight: program[weight], into: target, pass: pass, scratch: scratch)
    }
    if step.trains(weight) {
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
}
