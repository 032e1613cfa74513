extension ProgramRecorder {
  /// Records the columns of values, which nothing else may read, side by side: `y = [a | b | ...]`.
  package mutating func juxtaposed(_ parts: [Value]) -> Value {
    let y = value(columns: parts.reduce(0) { $0 + columns(of: $1) })
    return append(Node(operation: .juxtaposition, inputs: parts.map { operand($0) }, outputs: [y]))
  }
}
