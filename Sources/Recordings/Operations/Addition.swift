extension ProgramRecorder {
  /// Records `y = a + b`, the residual stream first.
  package mutating func add(_ a: Value, _ b: Value) -> Value {
    precondition(columns(of: a) == columns(of: b) && rows(of: a) == rows(of: b))
    let y = value(columns: columns(of: a), rows: rows(of: a))
    return append(Node(operation: .addition, inputs: [operand(a), operand(b)], outputs: [y]))
  }
}
