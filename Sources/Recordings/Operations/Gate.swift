extension ProgramRecorder {
  /// Records `y = f(x)` for each number, in the type of `x`.
  package mutating func map(_ function: ElementFunction, _ x: Operand) -> Value {
    let y = value(
      columns: x.columns, rows: rows(of: x.value), type: recording.type(of: x.value))
    return append(
      Node(operation: .gate(function), inputs: [x], outputs: [y], saved: [x.value]))
  }

  /// Records a gate, `y = f(g) * u`. `g` may have one column, which is that of all columns of `u`.
  package mutating func gate(_ function: ElementFunction, _ g: Operand, _ u: Operand) -> Value {
    precondition(
      (g.columns == u.columns || g.columns == 1) && rows(of: g.value) == rows(of: u.value))
    let y = value(columns: u.columns, rows: rows(of: u.value))
    return append(
      Node(
        operation: .gate(function), inputs: [g, u], outputs: [y],
        saved: g.value == u.value ? [g.value] : [g.value, u.value]))
  }
}
