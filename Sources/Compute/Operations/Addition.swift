internal import CKernels
import Tensors

/// `y = a + b`. The gradient of both operands is the result's, and usually lies in the same memory.
final class Addition: Operation {
  let inputs: [Operand]
  let outputs: [Value]
  private let count: Int

  init(_ a: Operand, _ b: Operand, y: Value, recorder: ProgramRecorder) {
    inputs = [a, b]
    outputs = [y]
    count = recorder.rows * a.columns
  }

  func forward(in program: Program) {
    let type = program.compute.element
    let (a, b, y) = (program[inputs[0]], program[inputs[1]], program[result])
    ThreadTeam.forRanges(of: count) { ck_add(type, a, b, y, $0, $1) }
  }

  func backward(in program: Program) {
    let type = program.compute.element
    let dy = program.gradient(of: result)
    for index in 0...1 {
      guard let target = program.gradientTarget(index) else { continue }
      if target.accumulates {
        ThreadTeam.forRanges(of: count) {
          ck_add(type, dy, target.pointer, target.pointer, $0, $1)
        }
      } else {
        target.pointer.copyMemory(from: dy, byteCount: count * program.compute.byteCount)
      }
    }
  }
}

extension ProgramRecorder {
  /// Records `a + b`, the residual stream first.
  package mutating func add(_ a: Value, _ b: Value) -> Value {
    precondition(columns(of: a) == columns(of: b))
    let y = value(columns: columns(of: a))
    operations.append(Addition(operand(a), operand(b), y: y, recorder: self))
    return y
  }
}
