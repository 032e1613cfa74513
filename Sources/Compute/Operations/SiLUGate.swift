extension ProgramRecorder {
  /// Records the gate of a gated MLP, `y = silu(g) * u`: `x` holds gate and up projection side by side.
  package mutating func siluGate(_ x: Value) -> Value {
    precondition(columns(of: x) % 2 == 0)
    let y = value(columns: columns(of: x) / 2, rows: rows(of: x))
    return append(
      Node(operation: .siluGate, inputs: [operand(x)], outputs: [y], saved: [x]))
  }
}
