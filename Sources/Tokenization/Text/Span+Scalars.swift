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

  /// The classes of the scalar at `position`, and the position of the next one; no class at the
  /// end.
  func classes(at position: Int) -> (classes: ScalarClass, next: Int) {
    guard position < count else { return ([], position) }
    let (value, next) = scalar(at: position)
    return (ScalarClass.of(value), next)
  }

  /// Whether there is a scalar at `position` that is in one of the classes.
  func has(_ classes: ScalarClass, at position: Int) -> Bool {
    !self.classes(at: position).classes.isDisjoint(with: classes)
  }

  /// The end of the run of at most `limit` scalars from `position` on that are in one of the
  /// classes.
  func run(from position: Int, of classes: ScalarClass, limit: Int = .max) -> Int {
    var end = position
    var remaining = limit
    while end < count, remaining > 0 {
      let (found, next) = self.classes(at: end)
      if found.isDisjoint(with: classes) { break }
      end = next
      remaining -= 1
    }
    return end
  }

  /// The end of the run of scalars from `position` on that are in none of the classes.
  func run(from position: Int, outside classes: ScalarClass) -> Int {
    var end = position
    while end < count {
      let (found, next) = self.classes(at: end)
      if !found.isDisjoint(with: classes) { break }
      end = next
    }
    return end
  }
}

extension Array where Element == UInt8 {
  /// Appends the bytes of a span.
  mutating func append(contentsOf span: Span<UInt8>) {
    span.withUnsafeBufferPointer { append(contentsOf: $0) }
  }
}
