import Diagnostics
import Foundation
import JSONText
import Testing

@Suite struct JSONParsingTests {
  @Test func readsEveryKindOfValue() throws {
    let value = try JSONValue.parse(
      #" { "a" : [ null , true,false, -0.50e+1 ], "b":{"c":"x"}, "":[] } "#)
    #expect(
      value == [
        "a": [nil, true, false, .number("-0.50e+1")], "b": ["c": "x"], "": .array([]),
      ])
  }

  @Test(arguments: ["0", "-0", "10", "0.5", "1e5", "1E-5", "1.25e+10", "-1.0", "true", "\"\""])
  func readsScalarsAtTheTop(text: String) throws {
    #expect(try JSONValue.parse(text).text() == text)
  }

  @Test func resolvesEscapes() throws {
    let value = try JSONValue.parse(#""\"\\\/\b\f\n\r\t\u0041\u00e9\u20AC\ud83d\ude00\u0000""#)
    let expected = "\"\\/\u{8}\u{c}\n\r\tA\u{e9}\u{20ac}\u{1f600}\u{0}"
    #expect(Array(try #require(value.stringValue).utf8) == Array(expected.utf8))
  }

  /// Every way to break the grammar, with the place and a part of the message.
  static let malformed: [(text: String, place: String, message: String)] = [
    ("", "line 1, column 1", "end of the document"),
    (" \n ", "line 2, column 2", "end of the document"),
    ("\u{feff}1", "line 1, column 1", "byte order mark"),
    ("nul", "line 1, column 1", "expected a value"),
    ("True", "line 1, column 1", "'T'"),
    ("tru", "line 1, column 1", "true"),
    ("NaN", "line 1, column 1", "'N'"),
    ("Infinity", "line 1, column 1", "'I'"),
    ("+1", "line 1, column 1", "'+'"),
    (".5", "line 1, column 1", "'.'"),
    ("01", "line 1, column 2", "begin with 0"),
    ("-", "line 1, column 2", "a digit"),
    ("-a", "line 1, column 2", "a digit"),
    ("1.", "line 1, column 3", "a digit"),
    ("1.e5", "line 1, column 3", "a digit"),
    ("1e", "line 1, column 3", "a digit"),
    ("1e+", "line 1, column 4", "a digit"),
    ("0x10", "line 1, column 2", "end of the document"),
    ("1 2", "line 1, column 3", "end of the document"),
    ("[1]]", "line 1, column 4", "end of the document"),
    ("[1", "line 1, column 3", "',' or ']'"),
    ("[", "line 1, column 2", "',' or ']'"),
    ("[1 2]", "line 1, column 4", "',' or ']'"),
    ("[1,]", "line 1, column 4", "a comma"),
    ("[,1]", "line 1, column 2", "expected a value"),
    ("[1,,2]", "line 1, column 4", "expected a value"),
    ("[1}", "line 1, column 3", "',' or ']'"),
    ("{", "line 1, column 2", "',' or '}'"),
    ("{1:2}", "line 1, column 2", "a key in quotes"),
    ("{a:2}", "line 1, column 2", "a key in quotes"),
    (#"{"a"}"#, "line 1, column 5", "':'"),
    (#"{"a" 1}"#, "line 1, column 6", "':'"),
    (#"{"a":}"#, "line 1, column 6", "expected a value"),
    (#"{"a":1,}"#, "line 1, column 8", "a comma"),
    (#"{"a":1 "b":2}"#, "line 1, column 8", "',' or '}'"),
    (#"{"a":1]"#, "line 1, column 7", "',' or '}'"),
    (#"{"a":1,"a":2}"#, "line 1, column 12", "twice"),
    (#"{"a":1,"\u0061":2}"#, "line 1, column 17", "twice"),
    (#"'a'"#, "line 1, column 1", "'''"),
    ("// x\n1", "line 1, column 1", "'/'"),
    (#""abc"#, "line 1, column 5", "at the end of a string"),
    (#""abc\"#, "line 1, column 6", "rest of an escape"),
    (#""\x41""#, "line 1, column 2", "escape"),
    (#""\u12g4""#, "line 1, column 6", "four hexadecimal"),
    (#""\u12"#, "line 1, column 6", "four hexadecimal"),
    (#""\ud800""#, "line 1, column 2", "surrogate"),
    (#""\ude00""#, "line 1, column 2", "surrogate"),
    (#""\ud83dx""#, "line 1, column 2", "surrogate"),
    (#""\ud83d\n""#, "line 1, column 2", "surrogate"),
    (#""\ud83d\u0041""#, "line 1, column 2", "surrogate"),
    ("\"a\nb\"", "line 1, column 3", "control"),
    ("\"a\u{0}b\"", "line 1, column 3", "control"),
    ("[\n  \"é\", x]", "line 2, column 8", "'x'"),
  ]

  @Test(arguments: malformed)
  func refuses(text: String, place: String, message: String) {
    #expect {
      try JSONValue.parse(text)
    } throws: { error in
      guard let error = error as? InputError else { return false }
      return error.code == .malformed && error.place == place && error.message.contains(message)
    }
  }

  /// Ill-formed UTF-8: stray continuation, overlong forms, a surrogate, beyond U+10FFFF, cut short.
  @Test(
    arguments: [
      [0x80], [0xC0, 0x80], [0xC1, 0xBF], [0xE0, 0x80, 0x80], [0xED, 0xA0, 0x80],
      [0xF0, 0x80, 0x80, 0x80],
      [0xF4, 0x90, 0x80, 0x80], [0xF5, 0x80, 0x80, 0x80], [0xFF], [0xC3], [0xE2, 0x82],
      [0xF0, 0x9F, 0x98],
      [0xE2, 0x28, 0xA1],
    ] as [[UInt8]])
  func refusesInvalidUTF8(bytes: [UInt8]) {
    for tail in [[0x22], []] as [[UInt8]] {
      #expect(throws: InputError.self) { try JSONValue.parse([0x22] + bytes + tail) }
    }
    #expect(throws: InputError.self) { try JSONValue.parse([0x20] + bytes) }
  }

  @Test func acceptsTheEdgesOfUTF8() throws {
    let text = "\u{7f}\u{80}\u{7ff}\u{800}\u{d7ff}\u{e000}\u{ffff}\u{10000}\u{10ffff}"
    #expect(try JSONValue.parse("\"\(text)\"") == .string(text))
  }

  @Test func limitsNesting() throws {
    func nested(_ depth: Int) -> String {
      String(repeating: "[", count: depth) + String(repeating: "]", count: depth)
    }
    #expect(try JSONValue.parse(nested(256)).text() == nested(256))
    #expect(throws: InputError.self) { try JSONValue.parse(nested(257)) }
    #expect(throws: InputError.self) {
      try JSONValue.parse(String(repeating: "{\"a\":", count: 1_000_000))
    }
    // Siblings do not add up.
    let siblings = "[" + Array(repeating: "[]", count: 1000).joined(separator: ",") + "]"
    #expect(try JSONValue.parse(siblings).arrayValue?.count == 1000)
  }

  @Test func keepsCanonicallyEquivalentKeysApart() throws {
    let value = try JSONValue.parse(#"{"e\u0301":1,"\u00e9":2,"\u212b":3,"\u00c5":4}"#)
    #expect(value["e\u{301}"]?.intValue == 1)
    #expect(value["\u{e9}"]?.intValue == 2)
    #expect(value["\u{212b}"]?.intValue == 3)
    #expect(value["\u{c5}"]?.intValue == 4)
    #expect(JSONValue.string("e\u{301}") != JSONValue.string("\u{e9}"))
    #expect(value.removing("\u{e9}")["e\u{301}"]?.intValue == 1)
  }

  @Test func readsAFileAndNamesItInErrors() throws {
    let file = FileManager.default.temporaryDirectory.appending(path: "\(UUID()).json")
    defer { try? FileManager.default.removeItem(at: file) }
    let name = file.path(percentEncoded: false)
    #expect {
      try JSONValue.parse(contentsOf: file)
    } throws: { error in
      (error as? InputError).map { $0.code == .unreadable && $0.source == name } ?? false
    }
    try Data("[1,\n x]".utf8).write(to: file)
    #expect {
      try JSONValue.parse(contentsOf: file)
    } throws: { error in
      "\(error)" == "\(name): line 2, column 2: found 'x', expected a value"
    }
    try Data("[1]".utf8).write(to: file)
    #expect(try JSONValue.parse(contentsOf: file) == [1])
  }
}
