/// How the numbers of a row, or of groups of its columns, are normalized.
package struct Normalization: Hashable, Sendable {
  /// Neighbouring columns that are normalized together: all of a row, or those of a head.
  package var groupSize: Int
  /// Whether the mean is taken away first: LayerNorm, else the root-mean-square norm.
  package var isCentered = false
  package var epsilon: Float

  package init(groupSize: Int, isCentered: Bool = false, epsilon: Float) {
    self.groupSize = groupSize
    self.isCentered = isCentered
    self.epsilon = epsilon
  }
}

extension ProgramRecorder {
  /// Records `y = (x - m) / sqrt(mean((x - m)^2) + epsilon) * w + b` over each group of columns, where m is its
  /// mean, or 0 for the root-mean-square norm.
  ///
  /// - Parameters:
  ///   - weight: `[group size]`, the same for all groups, or `[columns of x]`; nil: 1.
  ///   - bias: Like `weight`, with as many elements as `x` has columns; nil: 0.
  package mutating func norm(
    _ x: Operand, _ kind: Normalization, weight: Parameter?, bias: Parameter? = nil
  ) -> Value {
    precondition(x.columns.isMultiple(of: kind.groupSize))
    precondition(
      weight.map { [kind.groupSize, x.columns].contains(recording.parameters[$0.index].rows) }
        ?? (bias == nil))
    precondition(bias.map { recording.parameters[$0.index].rows == x.columns } ?? true)
    let y = value(columns: x.columns, rows: rows(of: x.value))
    let groups = x.columns / kind.groupSize
    let statistics = value(
      columns: kind.isCentered ? 2 * groups : groups, rows: rows(of: x.value), type: .float32)
    return append(
      Node(
        operation: .norm(kind), inputs: [x], outputs: [y, statistics],
        saved: [x.value, statistics],
        parameters: [weight, bias].compactMap { $0 }))
  }
}
