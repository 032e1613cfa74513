import Compute
import Recordings

/// What a sequence keeps for an operation, read before its new tokens and kept with them.
extension ReferenceKernel {
  /// All keys and values of a sequence, to which those of its new tokens are added.
  func kept(
    _ inputs: [Tape.Node], in state: [any DeviceBuffer], after count: Int
  ) -> (keys: Tape.Node, values: Tape.Node) {
    let keys = appended(inputs[1].value, to: state[0], after: count)
    let values = appended(inputs[2].value, to: state[1], after: count)
    return (Tape.Node(keys), Tape.Node(values))
  }

  /// All rows of a state, to which new ones are added.
  func appended(_ new: Matrix, to buffer: any DeviceBuffer, after count: Int) -> Matrix {
    let rowByteCount = new.columns * step.compute.byteCount
    store(
      new, in: DeviceRange(buffer, offset: count * rowByteCount), stride: new.columns, step.compute)
    return load(
      DeviceRange(buffer), rows: count + new.rows, columns: new.columns, stride: new.columns,
      step.compute)
  }

  /// The rows before the new ones, which then are the last of both; nil without a sequence.
  func lastRows(_ x: Matrix, in program: Program) -> Matrix? {
    guard let sequence = program.sequence, let state = step.node.state,
      case .lastRows(let count, let columns) = step.recording.states[state.index]
    else { return nil }
    let range = DeviceRange(sequence[state][0])
    let before = load(range, rows: count, columns: columns, stride: columns, step.compute)
    let last = (before.elements + x.elements).suffix(count * columns)
    store(
      Matrix(rows: count, columns: columns, elements: Array(last)), in: range, stride: columns,
      step.compute)
    return before
  }

  /// The state of each head of a scan; empty without a sequence.
  func states(of scan: Scan, in program: Program) -> [Matrix] {
    guard let sequence = program.sequence, let state = step.node.state else { return [] }
    let (rows, columns) = (scan.keySize, scan.valueSize)
    return (0..<scan.valueHeadCount).map {
      load(
        DeviceRange(sequence[state][0]) + $0 * rows * columns * 4, rows: rows, columns: columns,
        stride: columns, .float32)
    }
  }

  func keep(_ states: [Matrix], in program: Program) {
    guard let sequence = program.sequence, let state = step.node.state else { return }
    let numbers = states.flatMap { $0.elements.map { Float($0) } }
    DeviceRange(sequence[state][0]).write(numbers, .float32)
  }
}
