extension ProgramRecorder {
  /// Records `y[r, c] = w[c] x[r, c]`, in the type of `x`; a single number is the factor of all columns.
  ///
  /// `dx = w dy`, and `dw[c]` is the sum of `x dy` over all rows.
  ///
  /// - Parameters:
  ///   - weight: `[columns of x]`, or one number.
  ///   - isConstant: Whether the weight is none that a model learns, and has no gradient.
  package mutating func scaling(_ x: Operand, weight: Parameter, isConstant: Bool = false) -> Value
  {
    precondition([1, x.columns].contains(recording.parameters[weight.index].rows))
    let y = value(
      columns: x.columns, rows: rows(of: x.value), type: recording.type(of: x.value))
    return append(
      Node(
        operation: .scaling(isConstant: isConstant), inputs: [x], outputs: [y], saved: [x.value],
        parameters: [weight]))
  }
}
