/// Numbers byte strings in the order in which they are added, and finds them again.
///
/// Byte strings rather than `String`s, since those compare by canonical equivalence, which would
/// take two entries of a vocabulary for one.
struct ByteStringTable: Sendable {
  private(set) var strings = ByteStrings()
  /// Open addressing with linear probing: the index of a string, or -1. A power of two long.
  private var slots: [Int32]

  init(capacity: Int = 0) {
    var slotCount = 16
    while slotCount < 2 * capacity { slotCount *= 2 }
    slots = Array(repeating: -1, count: slotCount)
  }

  var count: Int { strings.count }

  /// The number of `key`, or nil if it was not added.
  func find(_ key: Span<UInt8>) -> Int? {
    let index = slots[slot(of: key)]
    return index < 0 ? nil : Int(index)
  }

  /// The number of `key`, which is added if it is new.
  mutating func insert(_ key: Span<UInt8>) -> (index: Int, isNew: Bool) {
    let slot = slot(of: key)
    if slots[slot] >= 0 { return (Int(slots[slot]), false) }
    let index = strings.count
    slots[slot] = Int32(index)
    strings.bytes.append(contentsOf: key)
    strings.endString()
    if 2 * strings.count > slots.count { grow() }
    return (index, true)
  }

  mutating func removeAll() {
    strings.removeAll()
    for slot in slots.indices { slots[slot] = -1 }
  }

  /// Where `key` is, or where it belongs.
  private func slot(of key: Span<UInt8>) -> Int {
    // Seeded at random by the standard library, so that no file can be made to collide.
    var hasher = Hasher()
    key.withUnsafeBytes { hasher.combine(bytes: $0) }
    let mask = slots.count - 1
    var slot = hasher.finalize() & mask
    while slots[slot] >= 0, !equals(Int(slots[slot]), key) { slot = (slot + 1) & mask }
    return slot
  }

  private func equals(_ index: Int, _ key: Span<UInt8>) -> Bool {
    let range = strings.range(index)
    guard range.count == key.count else { return false }
    for position in 0..<key.count where strings.bytes[range.lowerBound + position] != key[position]
    {
      return false
    }
    return true
  }

  private mutating func grow() {
    slots = Array(repeating: -1, count: 2 * slots.count)
    for index in 0..<strings.count {
      let slot = slot(of: strings.bytes.span.extracting(strings.range(index)))
      slots[slot] = Int32(index)
    }
  }
}
