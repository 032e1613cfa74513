/// Tokens of a record, or of a sample.
struct Sample: Hashable {
  var ids: [Int32] = []
  /// Whether each of them counts where outputs are compared; nil: all do.
  var isCounted: [Bool]?

  var countedCount: Int { isCounted?.count { $0 } ?? ids.count }

  /// The first tokens.
  func prefix(_ count: Int) -> Sample {
    Sample(ids: Array(ids.prefix(count)), isCounted: isCounted.map { Array($0.prefix(count)) })
  }

  /// Adds tokens behind these.
  mutating func append(_ more: Sample) {
    if isCounted != nil || more.isCounted != nil {
      isCounted =
        (isCounted ?? Array(repeating: true, count: ids.count))
        + (more.isCounted ?? Array(repeating: true, count: more.ids.count))
    }
    ids += more.ids
  }

  /// Takes the first tokens away.
  mutating func removeFirst(_ count: Int) {
    ids.removeFirst(count)
    isCounted?.removeFirst(count)
  }

  /// Which of a sample's tokens count, where it is one.
  var mask: SampleMask {
    SampleMask(
      tokenCount: ids.count,
      counted: isCounted.map { Array($0.indices(where: { $0 }).ranges) })
  }
}
