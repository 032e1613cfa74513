internal import CKernels
import Compute
import Recordings
import Tensors

/// `y = f(g)`, or `f(g) * u` where there are two operands.
struct GateKernel: Kernel {
  let step: Step
  let function: ElementFunction
  private var columns: Int { step.columns(of: step.result) }
  /// Whether a row has one number for all columns.
  private var isOfRows: Bool { step.inputs[0].columns < columns }
  /// Logits may be in f32 where all else is not.
  private var type: ck_element {
    step.recording.type(of: step.inputs[0].value).element
  }

  func forward(in program: Program) {
    let (type, function) = (type, function.kernelForm)
    let (g, gStride) = (program[step.inputs[0]], step.columns(of: step.inputs[0].value))
    let (u, uStride) = factor(in: program)
    let y = program[step.result]
    let gate = isOfRows ? ck_row_gate : ck_gate
    ThreadTeam.forRanges(of: step.rows) {
      gate(type, function, g, gStride, u, uStride, y, columns, columns, $0, $1)
    }
  }

  func backward(in program: Program) {
    let (type, function) = (type, function.kernelForm)
    let (g, gStride) = (program[step.inputs[0]], step.columns(of: step.inputs[0].value))
    let (u, uStride) = factor(in: program)
    let dy = program.gradient(of: step.result)
    let targets = step.inputs.indices.map { index in
      program.gradientTarget(index, of: step).map {
        ck_gradient(to: $0.pointer, stride: $0.rowStride, accumulate: $0.accumulates)
      } ?? ck_gradient()
    }
    let (dg, du) = (targets[0], targets.count > 1 ? targets[1] : ck_gradient())
    let backward = isOfRows ? ck_row_gate_backward : ck_gate_backward
    ThreadTeam.forRanges(of: step.rows) {
      backward(
        type, function, dy, columns, g, gStride, u, uStride, dg, du, columns, $0, $1)
    }
  }

  private func factor(in program: Program) -> (UnsafeMutableRawPointer?, stride: Int) {
    guard step.inputs.count > 1 else { return (nil, 0) }
    return (program[step.inputs[1]], step.columns(of: step.inputs[1].value))
  }
}

extension ElementFunction {
  fileprivate var kernelForm: ck_function {
    switch self {
    case .silu: ck_function(kind: CK_SILU, a: 0, b: 0)
    case .gelu: ck_function(kind: CK_GELU, a: 0, b: 0)
    case .geluTanh: ck_function(kind: CK_GELU_TANH, a: 0, b: 0)
    case .relu: ck_function(kind: CK_RELU, a: 0, b: 0)
    case .squaredReLU: ck_function(kind: CK_SQUARED_RELU, a: 0, b: 0)
    case .sigmoid: ck_function(kind: CK_SIGMOID, a: 0, b: 0)
    case .scaled(let factor): ck_function(kind: CK_SCALE, a: factor, b: 0)
    case .capped(let cap): ck_function(kind: CK_CAP, a: cap, b: 0)
    case .clamped(let bound, let addend): ck_function(kind: CK_CLAMP, a: bound, b: addend)
    case .swish(let factor, let bound): ck_function(kind: CK_SWISH, a: factor, b: bound)
    }
  }
}
