/// MT19937, seeded as Python's `random.seed(int)` seeds it, so that samples come in the reference's order.
///
/// Source: Matsumoto and Nishimura, "Mersenne Twister", ACM TOMACS 8 (1998), `init_by_array` of their 2002
/// version; Python uses the seed's 32-bit words as the array.
package struct MersenneTwister {
  private var state = [UInt32](repeating: 0, count: 624)
  private var position = 624

  package init(seed: UInt64) {
    var key = [UInt32(truncatingIfNeeded: seed)]
    if seed >> 32 != 0 { key.append(UInt32(truncatingIfNeeded: seed >> 32)) }
    state[0] = 19_650_218
    for i in 1..<624 {
      state[i] = 1_812_433_253 &* (state[i - 1] ^ (state[i - 1] >> 30)) &+ UInt32(i)
    }
    var i = 1
    func mix(_ count: Int, _ factor: UInt32, _ added: (_ round: Int) -> UInt32) {
      for round in 0..<count {
        state[i] = (state[i] ^ (state[i - 1] ^ (state[i - 1] >> 30)) &* factor) &+ added(round)
        i += 1
        guard i == 624 else { continue }
        state[0] = state[623]
        i = 1
      }
    }
    mix(624, 1_664_525) { key[$0 % key.count] &+ UInt32($0 % key.count) }
    mix(623, 1_566_083_941) { _ in 0 &- UInt32(i) }
    state[0] = 0x8000_0000
  }

  /// The next 32 random bits.
  package mutating func next() -> UInt32 {
    if position == 624 { regenerate() }
    var y = state[position]
    position += 1
    y ^= y >> 11
    y ^= (y << 7) & 0x9d2c_5680
    y ^= (y << 15) & 0xefc6_0000
    return y ^ (y >> 18)
  }

  /// A number in `0 ... bound`, as Python's `randrange` draws it: the top bits of one output, until they
  /// are in range.
  package mutating func next(upTo bound: Int) -> Int {
    precondition(bound >= 0 && bound < 1 << 31)
    let bitCount = Int.bitWidth - (bound + 1).leadingZeroBitCount
    while true {
      let value = Int(next() >> UInt32(32 - bitCount))
      if value <= bound { return value }
    }
  }

  /// Brings elements into another order, as Python's `random.shuffle` does.
  package mutating func shuffle<Element>(_ elements: inout [Element]) {
    for j in stride(from: elements.count - 1, to: 0, by: -1) {
      elements.swapAt(j, next(upTo: j))
    }
  }

  private mutating func regenerate() {
    for i in 0..<624 {
      let y = (state[i] & 0x8000_0000) | (state[(i + 1) % 624] & 0x7fff_ffff)
      state[i] = state[(i + 397) % 624] ^ (y >> 1) ^ (y & 1 == 0 ? 0 : 0x9908_b0df)
    }
    position = 0
  }
}
