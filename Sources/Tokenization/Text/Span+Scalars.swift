/// Well-formed UTF-8, read scalar by scalar. Positions are byte offsets at which a scalar begins.
extension Span where Element == UInt8 {
  /// The scalar at `position`, and the position of the next one.
  func scalar(at position: Int) -> (value: UInt32, next: Int) {
    let lead = UInt32(self[position])
    if lead < 0x80 { return (lead, position + 1) }
    func following(_ offset: Int) -> UInt32 { UInt32(self[position + offset] & 0x3F) }
    if lead < 0xE0 { return ((lead & 0x1F) << 6 | following(1), position + 2) }
    if lead < 0xF0 {
      return ((lead & 0x0F) << 12 | following(1) << 6 | following(2), position + 3)
    }
    return (
      (lead & 0x07) << 18 | following(1) << 12 | following(2) << 6 | following(3), position + 4
    )
  }

  /// The scalar that ends at `position`, which is not 0, and where it begins.
  func scalar(before position: Int) -> (value: UInt32, start: Int) {
    var start = position - 1
    while start > 0, self[start] & 0xC0 == 0x80 { start -= 1 }
    return (scalar(at: start).value, start)
  }

  /// The run of at most `limit` scalars of a set from `position` on: its end, and how many they are.
  func run(
    from position: Int, of set: ScalarSet, limit: Int = .max
  ) -> (end: Int, length: Int) {
    var (end, length) = (position, 0)
    while end < count, length < limit {
      let (value, next) = scalar(at: end)
      if !set.contains(value) { break }
      end = next
      length += 1
    }
    return (end, length)
  }

  /// Where the run of blanks that ends at `position` begins, not before `bound`.
  func blankStart(before position: Int, from bound: Int) -> Int {
    var start = position
    while start > bound {
      let (value, before) = scalar(before: start)
      guard ScalarClass.of(value).contains(.blank) else { break }
      start = before
    }
    return start
  }

  /// The end of the run of blanks from `position` on.
  func blankEnd(after position: Int) -> Int {
    run(from: position, of: ScalarSet(classes: .blank)).end
  }
}

extension Array where Element == UInt8 {
  /// The bytes of a span.
  init(_ span: Span<UInt8>) {
    self = span.withUnsafeBufferPointer { Array($0) }
  }
}
