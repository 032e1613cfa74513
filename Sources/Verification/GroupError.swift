/// How far the weights of a group are from those that they were made from, and whether that is too far.
///
/// A weight is sound if half a step of the grid plus the largest move that tuning allows explains its distance
/// from the source; at the ends of the grid it may have been cut off as well, where the source lies beyond the
/// end. A group is sound if all of its weights are. Other programs move weights in other ways: if one is
/// farther away, the group as a whole decides. A group with the numbers, the scale or the zero point of
/// another one is far off.
struct GroupError {
  /// The weights of the source.
  let wanted: UnsafeBufferPointer<Float>
  /// The elements that are stored for them: `(element - zero) * scale` is a weight.
  let elements: UnsafeBufferPointer<Float>
  let scale: Float
  let zero: Float
  /// What tuning can have moved a weight, in units of the scale.
  let reach: Double

  /// What is wrong; nil for a sound group.
  func message(_ grid: ElementGrid) -> String? {
    if isSurelyNear(grid) { return nil }
    switch grid {
    case .integers(let bounds): return steps(bounds)
    case .floats(let greatest, let step, let leastScale):
      if scale == 0, isBelow(leastScale, greatest) { return nil }
      return share(greatest, step)
    }
  }

  /// Whether every weight is near its source by a margin that the rounding of f32 does not reach. Nearly
  /// all groups are; loops without an early end or a branch look at several of their weights at a time.
  private func isSurelyNear(_ grid: ElementGrid) -> Bool {
    var far: Int32 = 0
    let margin = Float((1 + Self.slack) / 2)
    switch grid {
    case .integers(let bounds):
      let (low, high) = (bounds.lowerBound, bounds.upperBound)
      let (inverse, limit) = (1 / scale, margin * Float(reach + 0.5))
      for index in 0..<wanted.count {
        let element = elements[index]
        let distance = wanted[index] * inverse + (zero - element)
        let isCutOff =
          Self.one(element <= low) & Self.one(distance <= 0)
          | Self.one(element >= high) & Self.one(distance >= 0)
        far |= (1 - isCutOff) & Self.one(!(abs(distance) <= limit))
      }
    case .floats(let greatest, let step, _):
      let unit = margin * abs(scale)
      let (reach, least, share) = (Float(reach), Float(step.least) / 2, Float(step.share) / 2)
      for index in 0..<wanted.count {
        let (wanted, element) = (wanted[index], elements[index])
        let stored = element * scale
        let isCutOff =
          Self.one(abs(element) == greatest) & Self.one(stored * wanted > 0)
          & Self.one(abs(wanted) >= abs(stored))
        let limit = unit * (reach + max(least, share * abs(element)))
        far |= (1 - isCutOff) & Self.one(!(abs(wanted - stored) <= limit))
      }
    }
    return far == 0
  }

  private static func one(_ condition: Bool) -> Int32 { condition ? 1 : 0 }

  /// Where a whole group of integers is moved by more than half a step, its zero point or its scale is
  /// another's.
  private func steps(_ bounds: ClosedRange<Float>) -> String? {
    var (count, sum, squares, isNear) = (0.0, 0.0, 0.0, true)
    for (wanted, element) in zip(wanted, elements) {
      let distance = Double(wanted) / Double(scale) + Double(zero) - Double(element)
      // Cut off is only what lies beyond the end.
      if element <= bounds.lowerBound, distance <= 0 { continue }
      if element >= bounds.upperBound, distance >= 0 { continue }
      (count, sum, squares) = (count + 1, sum + distance, squares + distance * distance)
      if !(abs(distance) <= Self.slack * (reach + 0.5)) { isNear = false }
    }
    guard !isNear, count >= 8 else { return nil }
    let (mean, spread) = (abs(sum / count), (squares / count).squareRoot())
    if mean <= 0.6 && spread <= 1 { return nil }
    return mean > 0.6
      ? "\(Self.text(mean)) steps from the source in the mean, expected at most 0.6"
      : "\(Self.text(spread)) steps from the source, expected at most 1"
  }

  /// Floats are as far from the weights as their few bits make them, a part of the weights themselves.
  private func share(_ greatest: Float, _ step: (least: Double, share: Double)) -> String? {
    var (squares, errors, isNear) = (0.0, 0.0, true)
    let unit = abs(Double(scale))
    for (wanted, element) in zip(wanted, elements) {
      let (wanted, stored) = (Double(wanted), Double(element) * Double(scale))
      let error = wanted - stored
      (squares, errors) = (squares + wanted * wanted, errors + error * error)
      let isCutOff = abs(element) == greatest && stored * wanted > 0 && abs(wanted) >= abs(stored)
      let half = max(step.least, step.share * abs(Double(element))) / 2
      if !isCutOff, !(abs(error) <= Self.slack * unit * (reach + half)) { isNear = false }
    }
    let error = (errors / squares).squareRoot()
    if isNear || error <= 0.6 { return nil }
    return "relative error \(Self.text(error)) against the source, expected at most 0.6"
  }

  /// Whether the scale of a group is zero because its largest weight, times what is left of its range, is
  /// too small for the least scale. A search for scales may have halved the range before tuning.
  private func isBelow(_ leastScale: Float, _ greatest: Float) -> Bool {
    let largest = wanted.reduce(0) { max($0, Double(abs($1))) }
    return largest * max(1 - reach, 0) <= Self.slack * Double(greatest) * Double(leastScale)
  }

  /// For the rounding of the arithmetic itself.
  private static let slack = 1.01

  /// Three digits are enough to see what is wrong.
  private static func text(_ value: Double) -> String {
    guard value.isFinite, value != 0 else { return "\(value)" }
    var unit = 1.0
    while abs(value) * unit < 100, unit < 1e300 { unit *= 10 }
    return "\((value * unit).rounded() / unit)"
  }
}

/// The elements that a format has.
enum ElementGrid {
  /// Between the least and the largest.
  case integers(ClosedRange<Float>)
  /// Floats up to a magnitude. Between them are steps, near zero the least one, else a share of the number.
  /// Scales may be zero where there is a least one.
  case floats(greatest: Float, step: (least: Double, share: Double), leastScale: Float)
}
