extension ProgramRecorder {
  /// Records `y = x W^T + b`, with one or more matrices of the same width side by side in `weight`,
  /// `[columns of the result, columns of x]`.
  ///
  /// Gradients: `dx = dy W`, `dW = dy^T x`, `db = sum over rows of dy`, computed as the recorder's
  /// ``GradientPrecision`` says. The gradient of `W` is delivered in f32 and not kept: whoever takes it
  /// consumes it at once.
  ///
  /// Where the matrix is f32 and `x` is not, all of that is computed in f32: `x` is widened.
  ///
  /// - Parameter type: The result's, if it is another than the compute type: f32, in which products of the compute type
  ///   are summed. Its gradient has that type too, and is rounded to the compute type for the products above, unless the
  ///   matrix is f32. A matrix of f32 has no other result.
  package mutating func linear(
    _ x: Operand, weight: Parameter, bias: Parameter? = nil, as type: ComputeType? = nil
  ) -> Value {
    precondition(recording.parameters[weight.index].columns == x.columns)
    let isWide = recording.type(of: weight) != compute
    precondition(!isWide || type == recording.type(of: weight))
    let y = value(
      columns: recording.parameters[weight.index].rows, rows: rows(of: x.value), type: type)
    return append(
      Node(
        operation: .linear(isWide ? .full : gradientPrecision), inputs: [x], outputs: [y],
        saved: [x.value],
        parameters: [weight] + (bias.map { [$0] } ?? [])))
  }
}
