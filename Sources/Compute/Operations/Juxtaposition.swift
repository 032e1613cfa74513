import Tensors

/// `y = [a | b | ...]`: the columns of values side by side.
final class Juxtaposition: Operation {
  let inputs: [Operand]
  let outputs: [Value]
  private let rows: Int
  private let columns: Int

  init(_ parts: [Operand], y: Value, recorder: ProgramRecorder) {
    inputs = parts
    outputs = [y]
    rows = recorder.rows
    columns = recorder.columns(of: y)
  }

  func forward(in program: Program) {
    let size = program.compute.byteCount
    var y = program[result]
    for part in inputs {
      copy(
        program[part], stride: program.columns(of: part.value) * size, to: y,
        stride: columns * size, byteCount: part.columns * size)
      y += part.columns * size
    }
  }

  func backward(in program: Program) {
    let size = program.compute.byteCount
    var dy = program.gradient(of: result)
    for (index, part) in inputs.enumerated() {
      if let target = program.gradientTarget(index) {
        precondition(!target.accumulates, "a part has no other reader")
        copy(
          dy, stride: columns * size, to: target.pointer, stride: target.rowStride * size,
          byteCount: part.columns * size)
      }
      dy += part.columns * size
    }
  }

  private func copy(
    _ source: UnsafeMutableRawPointer, stride: Int, to target: UnsafeMutableRawPointer,
    stride targetStride: Int, byteCount: Int
  ) {
    ThreadTeam.forRanges(of: rows) { begin, end in
      for row in begin..<end {
        (target + row * targetStride).copyMemory(from: source + row * stride, byteCount: byteCount)
      }
    }
  }
}

extension ProgramRecorder {
  /// Records the columns of values, which nothing else may read, side by side.
  package mutating func juxtaposed(_ parts: [Value]) -> Value {
    let y = value(columns: parts.reduce(0) { $0 + columns(of: $1) })
    operations.append(Juxtaposition(parts.map { operand($0) }, y: y, recorder: self))
    return y
  }
}
