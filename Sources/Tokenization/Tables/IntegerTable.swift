/// A map from integers to integers for lookups by the million: pairs of token ids, edges of tries.
///
/// Keys must be below `UInt64.max`, which marks an empty slot.
struct IntegerTable: Sendable {
  private var keys: [UInt64]
  private var values: [UInt64]
  private(set) var count = 0
  private var shift: UInt64
  /// Odd and random, so that no file can be made to collide.
  private let multiplier = UInt64.random(in: 0 ... .max) | 1

  init(capacity: Int = 0) {
    var bits: UInt64 = 4
    while 1 << bits < 2 * capacity { bits += 1 }
    keys = Array(repeating: .max, count: 1 << bits)
    values = Array(repeating: 0, count: 1 << bits)
    shift = 64 - bits
  }

  subscript(_ key: UInt64) -> UInt64? {
    let slot = slot(of: key)
    return keys[slot] == key ? values[slot] : nil
  }

  /// Sets the value of a key, whether or not it had one.
  mutating func set(_ key: UInt64, _ value: UInt64) {
    var slot = slot(of: key)
    if keys[slot] != key {
      count += 1
      if 2 * count > keys.count {
        grow()
        slot = self.slot(of: key)
      }
      keys[slot] = key
    }
    values[slot] = value
  }

  private func slot(of key: UInt64) -> Int {
    let mask = keys.count - 1
    var slot = Int(truncatingIfNeeded: (key &* multiplier) >> shift)
    while keys[slot] != key, keys[slot] != .max { slot = (slot + 1) & mask }
    return slot
  }

  private mutating func grow() {
    let old = (keys, values)
    shift -= 1
    keys = Array(repeating: .max, count: 2 * old.0.count)
    values = Array(repeating: 0, count: keys.count)
    for (key, value) in zip(old.0, old.1) where key != .max {
      let slot = slot(of: key)
      keys[slot] = key
      values[slot] = value
    }
  }
}
