extension ProgramRecorder {
  /// Records columns of values side by side: `y = [a | b | ...]`. Some may be there more than once.
  package mutating func juxtaposed(_ parts: [Operand]) -> Value {
    let y = value(
      columns: parts.reduce(0) { $0 + $1.columns }, rows: rows(of: parts[0].value))
    return append(Node(operation: .juxtaposition, inputs: parts, outputs: [y]))
  }
}
