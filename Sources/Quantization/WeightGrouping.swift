package import Diagnostics

/// How a weight's elements share parameters: by groups along the rows, by rows, by blocks, or all
/// together.
public struct WeightGrouping: Sendable, Equatable {
  /// Output features.
  public let rows: Int
  /// Input features.
  public let columns: Int
  /// Columns of a group; the last group of a row has fewer where they do not divide.
  public let groupSize: Int
  /// Groups in a row.
  public let groups: Int
  /// Neighbouring rows that share parameters: 1, those of a block, or all; the last rows of a weight
  /// may be fewer.
  public let rowSpan: Int
  /// Whether there is one set of parameters for the whole tensor.
  public let isWholeTensor: Bool

  init(rows: Int, columns: Int, groupSize: Int, rowSpan: Int = 1, isWholeTensor: Bool = false) {
    self.rows = rows
    self.columns = columns
    self.groupSize = max(groupSize, 1)
    self.rowSpan = max(rowSpan, 1)
    self.isWholeTensor = isWholeTensor
    groups = Self.count(of: self.groupSize, in: columns)
  }

  /// How many pieces of `size` cover `length`.
  private static func count(of size: Int, in length: Int) -> Int {
    length / size + (length % size == 0 ? 0 : 1)
  }

  /// Rows of parameter sets.
  public var parameterRows: Int { Self.count(of: rowSpan, in: rows) }

  /// The number of parameter sets.
  public var parameterCount: Int { parameterRows * groups }

  /// The shape in which scales are stored: `[rows, groups]`, or `[1]`.
  public var parameterShape: [Int] { isWholeTensor ? [1] : [parameterRows, groups] }

  /// The parameter set of a group of a row.
  public func parameter(row: Int, group: Int) -> Int { row / rowSpan * groups + group }

  /// The columns of one group of a row.
  public func columns(ofGroup group: Int) -> Range<Int> {
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
        rows: rows, columns: columns, groupSize: columns, rowSpan: rows, isWholeTensor: true)
    case .channel:
      return WeightGrouping(rows: rows, columns: columns, groupSize: columns)
    case .group, .tensorGroup:
      return WeightGrouping(
        rows: rows, columns: columns, groupSize: min(groupSize ?? columns, columns))
    case .block:
      guard let block = blockStructure, block.count == 2 else {
        throw InputError(.missing, place: "block_structure", "the strategy block needs it")
      }
      return WeightGrouping(
        rows: rows, columns: columns, groupSize: min(block[1], columns),
        rowSpan: min(block[0], rows))
    case .token, .attentionHead:
      throw InputError(
        .unsupported, place: "strategy",
        "found \(strategy.rawValue), expected tensor, channel, group, tensor_group or block for "
          + "weights")
    }
  }
}
