package import Recordings

extension RoutingPlan {
  /// Reads the plan of so many rows.
  package init(_ range: DeviceRange, count: Int) {
    self.init(count: count)
    var numbers = Array(repeating: Int32(0), count: 3 * count)
    numbers.withUnsafeMutableBytes { range.download(into: $0) }
    tokens = Array(numbers[..<count])
    experts = Array(numbers[count..<2 * count])
    rows = Array(numbers[(2 * count)...])
  }

  /// Writes the plan to where an operation reads it.
  package func store(in range: DeviceRange) {
    (tokens + experts + rows).withUnsafeBytes { range.upload($0) }
  }
}

extension Program {
  /// Reads a plan from where a choice of experts has put it.
  package func plan(_ value: Value) -> RoutingPlan {
    RoutingPlan(
      self[range: value], count: recording.rows(of: value) * recording.columns(of: value) / 3)
  }
}
