extension ProgramRecorder {
  /// Records `y = x / sqrt(mean(x^2) + epsilon) * w`, over whole rows of `x`.
  package mutating func rmsNorm(_ x: Value, weight: Parameter, epsilon: Float) -> Value {
    let y = value(columns: columns(of: x), rows: rows(of: x))
    let inverse = value(columns: 1, rows: rows(of: x), type: .float32)
    return append(
      Node(
        operation: .rmsNorm(epsilon: epsilon), inputs: [operand(x)], outputs: [y, inverse],
        saved: [x, inverse], parameters: [weight]))
  }
}
