package import Diagnostics

/// How a weight's elements share parameters: by groups along the rows, by rows, or all together.
package struct WeightGrouping: Sendable, Equatable {
  /// Output features.
  package let rows: Int
  /// Input features.
  package let columns: Int
  /// Columns of a group; the last group of a row has fewer where they do not divide.
  package let groupSize: Int
  /// Groups in a row.
  package let groups: Int
  /// From the parameters of one row to those of the next: ``groups``, or 0 where there is one set
  /// for the whole tensor.
  package let parameterStride: Int

  /// The number of parameter sets.
  package var parameterCount: Int { parameterStride == 0 ? 1 : rows * groups }

  /// The shape in which scales are stored: `[rows, groups]`, or `[1]`.
  package var parameterShape: [Int] { parameterStride == 0 ? [1] : [rows, groups] }

  /// The columns of one group of a row.
  package func columns(ofGroup group: Int) -> Range<Int> {
    group * groupSize..<min((group + 1) * groupSize, columns)
  }
}

extension QuantizationArguments {
  /// The grouping of a weight of this shape.
  ///
  /// - Throws: `unsupported` for strategies that weights of this package do not have.
  package func grouping(rows: Int, columns: Int) throws(InputError) -> WeightGrouping {
    switch strategy {
    case .tensor:
      return WeightGrouping(
        rows: rows, columns: columns, groupSize: max(columns, 1), groups: 1, parameterStride: 0)
    case .channel:
      return WeightGrouping(
        rows: rows, columns: columns, groupSize: max(columns, 1), groups: 1, parameterStride: 1)
    case .group:
      let size = min(groupSize ?? columns, max(columns, 1))
      let groups = columns / size + (columns % size == 0 ? 0 : 1)
      return WeightGrouping(
        rows: rows, columns: columns, groupSize: size, groups: groups, parameterStride: groups)
    case .block, .token, .tensorGroup, .attentionHead:
      throw InputError(
        .unsupported, place: "strategy",
        "\(strategy.rawValue) weights are not supported yet; tensor, channel and group are")
    }
  }
}
