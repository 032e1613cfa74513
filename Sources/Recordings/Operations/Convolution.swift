/// A causal depthwise convolution over the tokens of a sequence.
package struct CausalConvolution: Hashable, Sendable {
  /// Tokens that a result depends on: the token itself and those before it.
  package var taps: Int
  /// Whether SiLU follows.
  package var hasSiLU: Bool

  /// The most taps that a convolution has.
  package static let tapLimit = 8

  package init(taps: Int, hasSiLU: Bool) {
    precondition((1...Self.tapLimit).contains(taps))
    (self.taps, self.hasSiLU) = (taps, hasSiLU)
  }
}

extension ProgramRecorder {
  /// Records `y[t, c] = f(b[c] + sum over j of w[c, j] x[t - taps + 1 + j, c])`, with zeros before the first token.
  ///
  /// The last rows of `x` are a state of the sequence.
  ///
  /// - Parameters:
  ///   - weight: `[columns of x, taps]`; the last tap is the token's own.
  ///   - bias: `[columns of x]`; nil: 0.
  package mutating func convolution(
    _ x: Operand, _ convolution: CausalConvolution, weight: Parameter, bias: Parameter?
  ) -> Value {
    precondition(recording.parameters[weight.index].rows == x.columns * convolution.taps)
    precondition(bias.map { recording.parameters[$0.index].rows == x.columns } ?? true)
    let y = value(columns: x.columns)
    let state = state(.lastRows(count: convolution.taps - 1, columns: x.columns))
    return append(
      Node(
        operation: .convolution(convolution), inputs: [x], outputs: [y], saved: [x.value],
        parameters: [weight] + (bias.map { [$0] } ?? []), state: state))
  }
}
