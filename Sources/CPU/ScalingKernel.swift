internal import CKernels
import Compute
import Recordings
import Tensors

/// `y[r, c] = w[c] x[r, c]`. Products are f32 and rounded once.
struct ScalingKernel: Kernel {
  let step: Step
  let isConstant: Bool
  private var columns: Int { step.inputs[0].columns }
  private var type: ComputeType { step.recording.type(of: step.result) }

  /// The gradient of the weight.
  static func scratch(of node: Node, in recording: Recording) -> Scratch {
    Scratch(
      backward: recording.parameters[node.parameters[0].index].rows * MemoryLayout<Float>.stride)
  }

  func forward(in program: Program) {
    scale(
      program[step.inputs[0]], stride: step.columns(of: step.inputs[0].value),
      to: program[step.result], stride: columns, accumulates: false, in: program)
  }

  func backward(in program: Program) {
    let dy = program.gradient(of: step.result)
    if let target = program.gradientTarget(0, of: step) {
      scale(
        dy, stride: columns, to: target.pointer, stride: target.rowStride,
        accumulates: target.accumulates, in: program)
    }
    guard !isConstant, step.trains(step.parameters[0]) else { return }
    deliverGradient(dy, in: program)
  }

  /// Writes all rows of `x` times the weights to `y`, or adds them.
  private func scale(
    _ x: UnsafeRawPointer, stride: Int, to y: UnsafeMutableRawPointer, stride yStride: Int,
    accumulates: Bool, in program: Program
  ) {
    let weights = allWeights(in: program)
    ThreadTeam.forRanges(of: step.rows) { begin, end in
      var row = [Float](repeating: 0, count: columns)
      for index in begin..<end {
        ck_read_rows(type.element, x + index * stride * type.byteCount, stride, &row, 1, columns)
        for column in 0..<columns { row[column] *= weights[column] }
        ck_write_rows(
          type.element, row, y + index * yStride * type.byteCount, yStride, accumulates, 1,
          columns)
      }
    }
  }

  /// The sum over all rows: one thread, in their order. Only tests ask for it.
  private func deliverGradient(_ dy: UnsafeRawPointer, in program: Program) {
    let parameter = step.parameters[0]
    let count = step.recording.parameters[parameter.index].rows
    let (x, stride) = (program[step.inputs[0]], step.columns(of: step.inputs[0].value))
    let range = program.backwardScratch(of: step)
    let sums = range.floats
    sums.update(repeating: 0, count: count)
    var (row, other) = (
      [Float](repeating: 0, count: columns), [Float](repeating: 0, count: columns)
    )
    for index in 0..<step.rows {
      ck_read_rows(type.element, x + index * stride * type.byteCount, stride, &row, 1, columns)
      ck_read_rows(type.element, dy + index * columns * type.byteCount, columns, &other, 1, columns)
      for column in 0..<columns { sums[count == 1 ? 0 : column] += row[column] * other[column] }
    }
    program.deliver(range, of: parameter)
  }

  private func allWeights(in program: Program) -> [Float] {
    let weights = program[step.parameters[0]]
    let isOne = step.recording.parameters[step.parameters[0].index].rows == 1
    return (0..<columns).map { weights[isOne ? 0 : $0] }
  }
}
