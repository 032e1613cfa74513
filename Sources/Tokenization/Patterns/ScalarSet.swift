/// A set of scalars as patterns spell it: `\p{L}`, `[^\s\p{N}]`, `[一-龥]`.
struct ScalarSet: Sendable {
  var classes: ScalarClass = []
  /// Further members by their values.
  var ranges: [ClosedRange<UInt32>] = []
  /// Whether all other scalars are meant.
  var isInverted = false

  static let space = ScalarSet(ranges: [0x20...0x20])
  static let newline = ScalarSet(classes: .newline)

  static func outside(_ classes: ScalarClass) -> ScalarSet {
    ScalarSet(classes: classes, isInverted: true)
  }

  func contains(_ value: UInt32) -> Bool {
    let isIn =
      !ScalarClass.of(value).isDisjoint(with: classes) || ranges.contains { $0.contains(value) }
    return isIn != isInverted
  }
}
