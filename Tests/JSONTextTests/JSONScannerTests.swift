import Diagnostics
import JSONText
import Testing

@Suite struct JSONScannerTests {
  @Test func walksADocument() throws {
    var scanner = JSONScanner(
      Array(#"{"vocab":{"a":0,"\u0120b":1},"skip":[{"x":[1,"]"]}],"n":-1.5}"#.utf8))
    var key: [UInt8] = []
    var seen: [String] = []
    try scanner.beginObject()
    while try scanner.nextKey(into: &key) {
      switch String(decoding: key, as: UTF8.self) {
      case "vocab":
        try scanner.beginObject()
        while try scanner.nextKey(into: &key) {
          seen.append("\(String(decoding: key, as: UTF8.self))=\(try scanner.readInteger())")
        }
      case "n":
        seen.append(String(decoding: try scanner.readNumber(), as: UTF8.self))
      default:
        try scanner.skipValue()
      }
    }
    try scanner.finish()
    #expect(seen == ["a=0", "\u{120}b=1", "-1.5"])
  }

  @Test func refusesIntegersThatAreNone() {
    for text in ["1.0", "1e2", "9223372036854775808", "\"1\""] {
      var scanner = JSONScanner(Array(text.utf8))
      #expect(throws: InputError.self) { try scanner.readInteger() }
    }
  }

  @Test func checksWhatItSkips() {
    for text in ["[1,]", #"{"a":"\x"}"#, "[[[", "01"] {
      var scanner = JSONScanner(Array(text.utf8))
      #expect(throws: InputError.self) {
        try scanner.skipValue()
        try scanner.finish()
      }
    }
  }
}
