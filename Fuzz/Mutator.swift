import Foundation

/// Makes bad inputs out of good ones, the same ones from the same seed.
struct Mutator {
  private let seeds: [[UInt8]]
  private let words: [[UInt8]]
  private let repair: (@Sendable ([UInt8]) -> [UInt8])?
  private let isJSON: Bool
  private var state: UInt64
  /// Inputs longer than this are not made, except to try length itself.
  private let limit: Int

  init(_ target: FuzzTarget, seeds: [[UInt8]], seed: UInt64) {
    precondition(!seeds.isEmpty)
    self.seeds = seeds
    repair = target.repair
    isJSON = target.isJSON
    limit = 2 * (seeds.map(\.count).max() ?? 0) + 256
    state = seed
    words = target.words.map { Array($0.utf8) } + Self.generalWords
  }

  private static let generalWords: [[UInt8]] =
    [
      "0", "-1", "1", "-0", "0.5", "1e999", "-1e-999", "1e3", "NaN", "Infinity", "4294967295",
      "2147483648", "9223372036854775807", "9223372036854775808", "-9223372036854775808",
      "18446744073709551616", "null", "true", "false", "\"\"", "[]", "{}", "\\u0000", "\\ud800",
      "\\udc00\\ud800", "\u{FEFF}", "\u{0}", "e\u{301}", "\u{1F600}", "\r\n", "//", "[[[[[[[[",
      "{\"a\":",
    ].map { Array($0.utf8) } + [
      [0xFF], [0xC0, 0x80], [0xED, 0xA0, 0x80], [0xF4, 0x90, 0x80, 0x80], [0x80],
    ]

  /// The next input.
  mutating func next() -> [UInt8] {
    var bytes = seeds[below(seeds.count)]
    // Half of the inputs have one or two changes, which go deep; some have many.
    let changes = 1 + (below(2) == 0 ? below(2) : below(below(8) == 0 ? 32 : 6))
    for _ in 0..<changes {
      if isJSON && below(3) > 0 { changeToken(&bytes) } else { changeBytes(&bytes) }
      if bytes.count > limit { bytes.removeSubrange(limit...) }
    }
    if below(5000) == 0 { repeatMuch(&bytes) }
    return repair?(bytes) ?? bytes
  }

  // MARK: Bytes

  private mutating func changeBytes(_ bytes: inout [UInt8]) {
    let start = below(bytes.count + 1)
    let end = min(bytes.count, start + 1 + below(below(4) == 0 ? 64 : 8))
    switch below(9) {
    case 0 where start < bytes.count: bytes[start] ^= 1 << UInt8(below(8))
    case 1 where start < bytes.count: bytes[start] = UInt8(truncatingIfNeeded: random())
    case 2: bytes.removeSubrange(start..<end)
    case 3: bytes.insert(contentsOf: words[below(words.count)], at: start)
    case 4: bytes.replaceSubrange(start..<end, with: words[below(words.count)])
    case 5: bytes.insert(contentsOf: bytes[start..<end], at: below(bytes.count + 1))
    case 6:  // A piece of another seed.
      let other = seeds[below(seeds.count)]
      let first = below(other.count + 1)
      let last = min(other.count, first + 1 + below(64))
      bytes.replaceSubrange(start..<end, with: other[first..<last])
    case 7: bytes.removeSubrange(start...)
    default:  // Another digit in place of one.
      guard let digit = bytes[start...].firstIndex(where: { (0x30...0x39).contains($0) }) else {
        return
      }
      bytes[digit] = 0x30 + UInt8(below(10))
    }
  }

  /// Something that is small once, many times.
  private mutating func repeatMuch(_ bytes: inout [UInt8]) {
    let piece =
      below(2) == 0
      ? words[below(words.count)] : Array("[{(\"a ,\n*".utf8.shuffled(using: &self).prefix(1))
    let start = below(bytes.count + 1)
    bytes.insert(contentsOf: (0..<2000).flatMap { _ in piece }, at: start)
  }

  // MARK: Tokens of JSON

  /// Exchanges, repeats or drops a whole token or value, so that the document mostly stays one.
  private mutating func changeToken(_ bytes: inout [UInt8]) {
    guard !bytes.isEmpty, let value = value(in: bytes, from: below(bytes.count)) else {
      return changeBytes(&bytes)
    }
    switch below(6) {
    case 0: bytes.replaceSubrange(value, with: words[below(words.count)])
    case 1:
      let word = words[below(words.count)]
      bytes.replaceSubrange(value, with: [0x22] + word.filter { $0 != 0x22 } + [0x22])
    case 2, 3:  // The value of one place in another.
      let other = seeds[below(seeds.count)]
      guard !other.isEmpty, let stray = self.value(in: other, from: below(other.count)) else {
        return
      }
      bytes.replaceSubrange(value, with: other[stray])
    case 4:
      bytes.insert(contentsOf: [0x2C] + bytes[value], at: value.upperBound)
    default:
      var end = value.upperBound
      if end < bytes.count, bytes[end] == 0x2C || bytes[end] == 0x3A { end += 1 }
      bytes.removeSubrange(value.lowerBound..<end)
    }
  }

  /// The first value that begins at `start` or after it: a string, a number, a word, or all between brackets.
  private func value(in bytes: [UInt8], from start: Int) -> Range<Int>? {
    var begin = start
    while begin < bytes.count, ",:]} \n\r\t".utf8.contains(bytes[begin]) { begin += 1 }
    guard begin < bytes.count else { return nil }
    var end = begin
    switch bytes[begin] {
    case 0x22:
      end += 1
      while end < bytes.count, bytes[end] != 0x22 { end += bytes[end] == 0x5C ? 2 : 1 }
      end += 1
    case 0x5B, 0x7B:
      var depth = 0
      repeat {
        if bytes[end] == 0x5B || bytes[end] == 0x7B { depth += 1 }
        if bytes[end] == 0x5D || bytes[end] == 0x7D { depth -= 1 }
        end += 1
      } while depth > 0 && end < bytes.count
    default:
      while end < bytes.count, !",:]}[{\" \n\r\t".utf8.contains(bytes[end]) { end += 1 }
    }
    return begin..<min(max(end, begin + 1), bytes.count)
  }

  private mutating func below(_ bound: Int) -> Int {
    bound <= 1 ? 0 : Int(random() % UInt64(bound))
  }
}

extension Mutator: RandomNumberGenerator {
  /// SplitMix64.
  mutating func next() -> UInt64 { random() }

  private mutating func random() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    var mixed = state
    mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
    mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
    return mixed ^ (mixed >> 31)
  }
}
