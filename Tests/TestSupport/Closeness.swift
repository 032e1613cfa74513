package import Tensors
package import Testing

/// How far an element may be from what is expected: the sum of three allowances.
package struct Tolerance: Sendable {
  /// The same allowance for every element.
  package var absolute: Double
  /// A share of the expected element's magnitude.
  package var relative: Double
  /// A share of the largest expected magnitude; the usual measure for gradients.
  package var ofLargest: Double

  package init(absolute: Double = 0, relative: Double = 0, ofLargest: Double = 0) {
    precondition(absolute >= 0 && relative >= 0 && ofLargest >= 0)
    self.absolute = absolute
    self.relative = relative
    self.ofLargest = ofLargest
  }

  /// Nothing may differ, except in the sign of zero.
  package static let exact = Tolerance()
}

/// The outcome of comparing numbers one by one.
package struct Closeness: Sendable {
  /// Elements whose difference exceeds their allowance.
  package private(set) var mismatchCount = 0
  /// The element that exceeds its allowance by the most.
  package private(set) var worst: (index: Int, actual: Double, expected: Double, allowed: Double)?
  /// Largest difference of all elements.
  package private(set) var largestDifference = 0.0
  private let count: Int

  /// Compares as many elements as both have. Infinities and NaN match only themselves.
  package init<Element: BinaryFloatingPoint>(
    _ actual: [Element], _ expected: [Element], _ tolerance: Tolerance
  ) {
    count = min(actual.count, expected.count)
    let largest = expected.reduce(0.0) { $1.isFinite ? max($0, abs(Double($1))) : $0 }
    var worstExcess = 0.0
    for index in 0..<count {
      let (found, wanted) = (Double(actual[index]), Double(expected[index]))
      if found == wanted || (found.isNaN && wanted.isNaN) { continue }
      let allowed =
        tolerance.absolute + tolerance.relative * abs(wanted) + tolerance.ofLargest * largest
      // Not finite whenever exactly one side is an infinity or NaN: an excess without bound.
      let difference = abs(found - wanted)
      let excess = difference.isFinite ? difference - allowed : .infinity
      largestDifference = max(largestDifference, difference.isFinite ? difference : .infinity)
      guard excess > 0 else { continue }
      mismatchCount += 1
      if worst == nil || excess > worstExcess {
        worst = (index, found, wanted, allowed)
        worstExcess = excess
      }
    }
  }

  /// What differs, with the worst element's place in `shape`; nil if all are close.
  package func report(shape: [Int]) -> String? {
    guard let worst else { return nil }
    var place: [Int] = []
    var rest = worst.index
    for extent in shape.reversed() where extent > 0 {
      place.insert(rest % extent, at: 0)
      rest /= extent
    }
    return "\(mismatchCount) of \(count) elements differ; worst at \(place): \(worst.actual), "
      + "expected \(worst.expected), difference \(abs(worst.actual - worst.expected)), "
      + "allowed \(worst.allowed)"
  }
}

/// Records an issue naming the worst element unless all of `actual` are close to `expected`.
package func expectClose<Element: BinaryFloatingPoint>(
  _ actual: [Element], _ expected: [Element], _ tolerance: Tolerance, _ what: String = "",
  sourceLocation: SourceLocation = #_sourceLocation
) {
  expectClose(
    actual, expected, shape: [expected.count], tolerance, what, sourceLocation: sourceLocation)
}

/// Records an issue unless both tensors have the same shape and close elements.
///
/// Both must be floating-point tensors of at least 16 bits; they may differ in type.
package func expectClose(
  _ actual: Tensor, _ expected: Tensor, _ tolerance: Tolerance, _ what: String = "",
  sourceLocation: SourceLocation = #_sourceLocation
) {
  guard actual.shape == expected.shape else {
    Issue.record(
      Comment(rawValue: "\(what): shape \(actual.shape), expected \(expected.shape)"),
      sourceLocation: sourceLocation)
    return
  }
  expectClose(
    actual.floats(), expected.floats(), shape: expected.shape, tolerance, what,
    sourceLocation: sourceLocation)
}

/// Records an issue unless one number is close to another.
package func expectClose(
  _ actual: Double, _ expected: Double, _ tolerance: Tolerance, _ what: String = "",
  sourceLocation: SourceLocation = #_sourceLocation
) {
  expectClose([actual], [expected], shape: [], tolerance, what, sourceLocation: sourceLocation)
}

/// Records an issue unless both tensors have the same type, shape and bytes.
package func expectIdentical(
  _ actual: Tensor, _ expected: Tensor, _ what: String = "",
  sourceLocation: SourceLocation = #_sourceLocation
) {
  guard actual.dtype == expected.dtype, actual.shape == expected.shape else {
    Issue.record(
      Comment(
        rawValue: "\(what): \(actual.dtype) \(actual.shape), expected \(expected.dtype) "
          + "\(expected.shape)"),
      sourceLocation: sourceLocation)
    return
  }
  let (found, wanted) = (actual.bytes, expected.bytes)
  if let first = found.indices.first(where: { found[$0] != wanted[$0] }) {
    let differing = found.indices.count { found[$0] != wanted[$0] }
    Issue.record(
      Comment(
        rawValue: "\(what): \(differing) of \(found.count) bytes differ, first in element "
          + "\(first / actual.dtype.byteCount)"),
      sourceLocation: sourceLocation)
  }
}

private func expectClose<Element: BinaryFloatingPoint>(
  _ actual: [Element], _ expected: [Element], shape: [Int], _ tolerance: Tolerance, _ what: String,
  sourceLocation: SourceLocation
) {
  let report =
    actual.count == expected.count
    ? Closeness(actual, expected, tolerance).report(shape: shape)
    : "\(actual.count) elements, expected \(expected.count)"
  if let report {
    Issue.record(Comment(rawValue: "\(what): \(report)"), sourceLocation: sourceLocation)
  }
}

extension Tensor {
  /// A copy of the bytes of all elements.
  package var bytes: [UInt8] { withUnsafeBytes { Array($0) } }
}
