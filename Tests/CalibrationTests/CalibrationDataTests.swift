import Calibration
import Diagnostics
import Foundation
import TestSupport
import Testing

/// How samples are made from a source, with a tokenizer whose ids are bytes (after a first token
/// 256), so that every sample can be read in the test.
@Suite struct CalibrationDataTests {
  private static var bytes: TextCoding {
    TextCoding(
      encode: { [256] + $0.utf8.map(Int.init) },
      decode: { ids in
        let bytes = ids.compactMap(UInt8.init(exactly:))
        return (ids.first == 256 ? "<s>" : "") + String(decoding: bytes, as: UTF8.self)
      })
  }

  /// Samples from a temporary file with these contents.
  private func load(
    _ contents: some Sequence<UInt8>, _ fileExtension: String, samples: Int, length: Int,
    vocabulary: Int = 257, coding: TextCoding = bytes, short: ShortSamples = .drop
  ) throws -> CalibrationData {
    var settings = CalibrationSettings()
    settings.shortSamples = short
    return try withTemporaryFolder { folder in
      let file = folder.appending(path: "data.\(fileExtension)")
      try Data(contents).write(to: file)
      return try CalibrationData(
        CalibrationSource(file: file), coding: coding, sampleCount: samples, sequenceLength: length,
        vocabularySize: vocabulary, settings: settings)
    }
  }

  private func ids(_ text: String) -> [Int32] {
    text.utf8.map { $0 == UInt8(ascii: "^") ? 256 : Int32($0) }
  }

  @Test func recordsAreCutAndShortOnesLeftOut() throws {
    let data = try load(
      #"""
      {"text": "abcdef"}
      {"text": "xy", "other": 1}

      {"input_ids": [1, 2, 3, 4, 5]}
      {"text": null, "input_ids": [9, 8, 7, 6]}
      {"text": "not read any more"}
      """#.utf8, "jsonl", samples: 3, length: 4)
    #expect(data.samples == [ids("^abc"), [1, 2, 3, 4], [9, 8, 7, 6]])
    #expect(data.sequenceLength == 4)
    #expect(data.excerpt == "<s>abc")
    #expect(data.masks == nil && data.remark.isEmpty)
    #expect(data.warnings.count == 1)
    #expect(data.warnings[0].contains("no record of ids begins with '<s>'"))
  }

  @Test func acceptsWindowsLineEndsAndAByteOrderMark() throws {
    let data = try load(
      [0xEF, 0xBB, 0xBF] + "{\"text\": \"abc\"}\r\n\r\n{\"text\": \"def\"}\r\n".utf8, "jsonl",
      samples: 2, length: 4)
    #expect(data.samples == [ids("^abc"), ids("^def")])
    let text = try load([0xEF, 0xBB, 0xBF] + "abc".utf8, "TXT", samples: 1, length: 4)
    #expect(text.samples == [ids("^abc")])
  }

  @Test func plainTextIsCutIntoWindows() throws {
    let data = try load("abcdefghij\n\nkl".utf8, "txt", samples: 3, length: 4)
    #expect(data.samples == [ids("^abc"), ids("defg"), ids("hij\n")])
    #expect(data.warnings.isEmpty)
  }

  /// Only a beginning of a long text is encoded, and it gives the windows of the whole.
  @Test func longTextIsNotEncodedAsAWhole() throws {
    let text = (0..<20_000).map { "line \($0)\n" }.joined()
    var longest = 0
    let counting = TextCoding(
      encode: {
        longest = max(longest, $0.utf8.count)
        return try Self.bytes.encode($0)
      }, decode: Self.bytes.decode)
    let data = try load(text.utf8, "txt", samples: 16, length: 64, coding: counting)
    #expect(data.samples.flatMap { $0 } == Array(ids("^" + text).prefix(16 * 64)))
    #expect(longest < text.utf8.count / 10)
  }

  /// A tokenizer with long tokens needs more text than was first tried.
  @Test func readsOnUntilThereAreEnoughTokens() throws {
    let text = (0..<4000).map { "line number \($0 + 10_000)\n" }.joined()
    var calls = 0
    let lines = TextCoding(
      encode: {
        calls += 1
        return $0.split(separator: "\n").indices.enumerated().map(\.offset)
      }, decode: { "\($0)" })
    let data = try load(
      text.utf8, "txt", samples: 3, length: 1000, vocabulary: 4000, coding: lines)
    #expect(calls > 1)
    #expect(data.samples.flatMap { $0 } == (0..<3000).map(Int32.init))
  }

  @Test func warnsAboutFewAndRepeatedSamples() throws {
    let few = try load("abcdefgh".utf8, "txt", samples: 5, length: 4)
    #expect(few.samples.count == 2)
    #expect(few.warnings.count == 1)
    #expect(few.warnings[0].hasSuffix("gives 2 samples of 4 tokens; 5 were asked for"))

    let repeated = try load(
      #"""
      {"text": "abc"}
      {"text": "x"}
      {"text": "abcdef"}
      """#.utf8, "jsonl", samples: 3, length: 4)
    #expect(repeated.warnings.count == 2)
    #expect(repeated.warnings[0].hasSuffix("3 were asked for (1 record is shorter)"))
    #expect(repeated.warnings[1].hasPrefix("1 of 2 samples in"))
  }

  @Test(arguments: [
    ("", "jsonl", "has no records; expected one JSON object per line"),
    (" \n\n", "jsonl", "has no records"),
    (
      "{\"text\": \"ab\"}\n{\"text\": \"\"}", "jsonl",
      "none of its 2 records has 4 tokens; the longest has 3"
    ),
    ("{\"text\": \"abc\"}\n{\"text\": ", "jsonl", "line 2, column"),
    ("\n[1]", "jsonl", "line 2: expected a JSON object with \"text\", \"input_ids\", \"messages\""),
    ("{\"messages\": []}", "jsonl", "line 1, messages: found an array of 0, expected a message"),
    ("{\"txt\": \"a\"}", "jsonl", "line 1: the record has none of \"text\", \"input_ids\""),
    ("{\"text\": 5}", "jsonl", "line 1, text: found 5, expected a string"),
    (
      "{\"input_ids\": [1, \"2\"]}", "jsonl",
      "line 1, input_ids[1]: found \"2\", expected an integer"
    ),
    ("{\"input_ids\": [1, 257]}", "jsonl", "line 1: token id 257 is not in the model's vocabulary"),
    ("{\"input_ids\": [-1]}", "jsonl", "line 1: token id -1 is not in the model's vocabulary"),
    ("{\"text\": \"a\", \"text\": \"b\"}", "jsonl", "line 1, column"),
    ("", "txt", "has no text"), (" \n ", "txt", "has no text"),
    ("ab", "txt", "has 3 tokens; one sample takes 4"),
    ("abc", "csv", "calibration data is read from .jsonl"),
    ("abc", "", "calibration data is read from .jsonl"),
  ])
  func refuses(contents: String, fileExtension: String, message: String) {
    let error = #expect(throws: InputError.self) {
      try load(contents.utf8, fileExtension, samples: 2, length: 4)
    }
    #expect(error?.description.contains(message) == true, "\(String(describing: error))")
    #expect(error?.source?.contains("data.") == true)
  }

  @Test func refusesWhatIsNotText() {
    for (contents, fileExtension) in [
      ([0x61, 0xFF, 0x62, 0x63], "txt"),
      (Array("{\"text\": \"a".utf8) + [0xFF] + Array("\"}".utf8), "jsonl"),
    ] as [([UInt8], String)] {
      let error = #expect(throws: InputError.self) {
        try load(contents, fileExtension, samples: 1, length: 2)
      }
      #expect(error?.code == .malformed)
    }
  }

  /// A hundred megabytes on one line, of which a few samples are wanted: only its beginning is encoded.
  @Test(arguments: ["txt", "jsonl"])
  func aHugeLineIsNotEncodedAsAWhole(fileExtension: String) throws {
    let piece = "no end of a line, \u{e9}\u{4e2d}\u{1F600} "
    let text = String(repeating: piece, count: 100_000_000 / piece.utf8.count)
    var longest = 0
    let counting = TextCoding(
      encode: {
        longest = max(longest, $0.utf8.count)
        return try Self.bytes.encode($0)
      }, decode: Self.bytes.decode)
    let contents = fileExtension == "txt" ? text : "{\"text\":\"\(text)\"}\n"
    let data = try load(
      contents.utf8, fileExtension, samples: 3, length: 1000, coding: counting)
    #expect(data.samples.count == (fileExtension == "txt" ? 3 : 1))
    #expect(data.samples[0] == Array(ids("^" + String(text.prefix(1000))).prefix(1000)))
    #expect(longest < 4 << 20)
  }

  @Test func aLongRecordGivesTheSameSampleAsItsBeginning() throws {
    // Longer than what is encoded at first, and with a sample longer than that.
    let text = String(repeating: "abc \u{e9}\u{4e2d} ", count: 300_000)
    for length in [5, 70_000, 1_200_000] {
      let data = try load("{\"text\":\"\(text)\"}".utf8, "jsonl", samples: 1, length: length)
      #expect(data.samples == [Array(ids("^" + text).prefix(length))])
    }
  }

  @Test func samplesThatAreAllTheSameAreUsedWithAWarning() throws {
    let line = "{\"input_ids\": [7, 7, 7, 7]}\n"
    let data = try load(String(repeating: line, count: 8).utf8, "jsonl", samples: 8, length: 4)
    #expect(data.samples == Array(repeating: [7, 7, 7, 7], count: 8))
    #expect(data.warnings.contains { $0.contains("7 of 8 samples") })
  }

  @Test func refusesIdsBeyondTheModel() {
    let error = #expect(throws: InputError.self) {
      try load("abc".utf8, "txt", samples: 1, length: 4, vocabulary: 256)
    }
    #expect(error?.message == "token id 256 is not in the model's vocabulary of 256 ids")
  }

  @Test func refusesWhatIsNotThere() {
    let file = URL(filePath: "/nonexistent/data.jsonl")
    let error = #expect(throws: InputError.self) {
      try CalibrationData(
        CalibrationSource(file: file), coding: Self.bytes, sampleCount: 1, sequenceLength: 1,
        vocabularySize: 257)
    }
    #expect(error?.code == .unreadable)
    #expect(error?.source == "/nonexistent/data.jsonl")
  }

  @Test func refusesCountsThatOverflow() {
    let error = #expect(throws: InputError.self) {
      try load("abc".utf8, "txt", samples: .max, length: .max)
    }
    #expect(error?.code == .invalidValue)
  }

  @Test func builtinTextNeedsNoFile() throws {
    let data = try CalibrationData(
      .builtin, coding: Self.bytes, sampleCount: 128, sequenceLength: 2048, vocabularySize: 257)
    #expect(data.samples.count == 128)
    #expect(data.samples.everySatisfies { $0.count == 2048 })
    #expect(data.warnings.isEmpty)
    #expect(data.excerpt.hasPrefix("<s>\"Your repentance,\" I said, \"is now superfluous."))
    #expect(data.excerpt.hasSuffix("…"))
    // Records are joined by a blank line: the first ends before the 5000th byte.
    let beginning = data.samples.prefix(4).flatMap { $0 }.dropFirst().map { UInt8($0) }
    let file = Fixtures.examples.appending(path: "data/calibration.jsonl")
    let first = try #require(
      JSONSerialization.jsonObject(
        with: Data(contentsOf: file).prefix { $0 != UInt8(ascii: "\n") }) as? [String: String])
    let text = try #require(first["text"]) + "\n\n"
    #expect(beginning.starts(with: text.utf8.prefix(beginning.count)))
  }

  /// FNV-1a 64 by its published definition: the hash of no bytes, and of one known sequence.
  @Test func hashDependsOnEveryId() throws {
    func data(_ samples: [[Int]]) throws -> CalibrationData {
      let records = samples.map { "{\"input_ids\": \($0)}\n" }.joined()
      return try load(
        records.utf8, "jsonl", samples: samples.count, length: samples[0].count,
        vocabulary: 1 << 31)
    }
    let one = try data([[0x6F6F_6F66]])
    #expect(one.hash == Self.fnv1a([0x66, 0x6F, 0x6F, 0x6F]))
    let two = try data([[1, 2], [3, 4]])
    let changed = try data([[1, 2], [3, 5]])
    #expect(two.hash.count == 16)
    #expect(two.hash != changed.hash)
  }

  private static func fnv1a(_ bytes: [UInt8]) -> String {
    let hash = bytes.reduce(14_695_981_039_346_656_037 as UInt64) {
      ($0 ^ UInt64($1)) &* 1_099_511_628_211
    }
    return (String(repeating: "0", count: 16) + String(hash, radix: 16)).suffix(16).description
  }

  @Test func excerptStaysOnOneLine() throws {
    let data = try load("a\nb\tc\u{7}d".utf8, "txt", samples: 1, length: 8)
    #expect(data.excerpt == "<s>a\\nb\\tc\u{FFFD}d")
  }
}
