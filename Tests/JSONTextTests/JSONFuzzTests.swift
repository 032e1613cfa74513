import Diagnostics
import JSONText
import Testing

@Suite struct JSONFuzzTests {
  /// Whatever the bytes: an error with a place, or a value that reads back from its own text.
  @Test(arguments: [1, 2, 3, 4] as [UInt64])
  func survivesMutations(seed: UInt64) throws {
    let documents = [
      #"{"a":[1,-2.5e+3,true,false,null,"x\u00e9\ud83d\ude00\n"],"b":{"c":{}},"d":[]}"#,
      #"[{"k":"é😀\\"},0,-0,1e9,[[[[]]]],"","\"\\\/\b\f\n\r\t"]"#,
    ].map { Array($0.utf8) }
    let interesting = Array("{}[]\",:\\u0eE+-.tfn \n".utf8) + [0x00, 0x80, 0xC3, 0xED, 0xF4, 0xFF]
    var random = SplitMix64(state: seed)
    var valid = 0
    for round in 0..<25_000 {
      var bytes = documents[round % 2]
      for _ in 0...Int(random.next() % 4) {
        let index = Int(random.next() % UInt64(bytes.count))
        switch random.next() % 5 {
        case 0: bytes[index] = UInt8(truncatingIfNeeded: random.next())
        case 1: bytes[index] = interesting[Int(random.next() % UInt64(interesting.count))]
        case 2: bytes.insert(interesting[Int(random.next() % UInt64(interesting.count))], at: index)
        case 3: bytes.remove(at: index)
        default: bytes.removeSubrange(index..<min(bytes.count, index + 8))
        }
        if bytes.isEmpty { bytes = [0x31] }
      }
      do {
        let value = try JSONValue.parse(bytes)
        valid += 1
        #expect((try? JSONValue.parse(value.text())) == value)
      } catch {
        if error.code != .malformed || error.place == nil { Issue.record("\(error)") }
      }
    }
    #expect(valid > 500, "mutations hardly ever leave a valid document")
  }
}

/// Vigna's SplitMix64: a fixed sequence of numbers for a seed.
private struct SplitMix64 {
  var state: UInt64
  mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    var z = state
    z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
    z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
    return z ^ (z >> 31)
  }
}
