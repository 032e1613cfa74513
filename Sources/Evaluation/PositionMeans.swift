public import JSONText

/// Means of a number of each predicted token by its place in its window: what a long context does to it.
public struct PositionMeans: Sendable, Equatable {
  /// The places of a window.
  public var positionCount: Int
  /// Neighbouring places that have a mean together; the last ones of a window may be fewer.
  public var span: Int
  /// The mean over all windows and the places `span * index ..< span * (index + 1)`.
  public var means: [Double]

  /// The most means that there are.
  package static let limit = 64

  /// - Parameters:
  ///   - numbers: Window after window.
  ///   - period: Numbers of a window.
  package init(of numbers: [Double], period: Int) {
    precondition(period > 0 && numbers.count.isMultiple(of: period))
    positionCount = period
    span = (period - 1) / Self.limit + 1
    var sums = [Double](repeating: 0, count: (period - 1) / span + 1)
    for (index, number) in numbers.enumerated() { sums[index % period / span] += number }
    let windows = numbers.count / period
    means = []
    for (index, sum) in sums.enumerated() {
      means.append(sum / Double(windows * min(span, period - index * span)))
    }
  }

  /// The means as a JSON object.
  public var json: JSONValue {
    [
      "positions": JSONValue(positionCount), "span": JSONValue(span),
      "means": .array(means.map { JSONValue($0) }),
    ]
  }
}
