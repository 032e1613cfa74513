import Diagnostics
import JSONText
import TestSupport
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
    var random = SeededGenerator(seed: seed)
    var valid = 0
    for round in 0..<25_000 {
      var bytes = documents[round % 2]
      for _ in 0...random.below(4) {
        let index = random.below(bytes.count)
        switch random.below(5) {
        case 0: bytes[index] = UInt8(truncatingIfNeeded: random.next())
        case 1: bytes[index] = interesting[random.below(interesting.count)]
        case 2: bytes.insert(interesting[random.below(interesting.count)], at: index)
        case 3: bytes.remove(at: index)
        default: bytes.removeSubrange(index..<min(bytes.count, index + 8))
        }
        if bytes.isEmpty { bytes = [0x31] }
      }
      do {
        let value = try JSONValue.parse(bytes)
        valid += 1
        #expect(try JSONValue.parse(value.text()) == value)
      } catch {
        if error.code != .malformed || error.place == nil { Issue.record("\(error)") }
      }
    }
    #expect(valid > 500, "mutations hardly ever leave a valid document")
  }
}
