import Calibration
import Diagnostics
import Foundation
import TestSupport
import Testing

/// What becomes of records that are shorter than a sample, with a tokenizer whose ids are bytes.
@Suite struct ShortSampleTests {
  /// `$` ends a text; `^` is put at the beginning of each.
  private func coding(endOfText: Int? = 36, begins: Bool = false) -> TextCoding {
    TextCoding(
      encode: { (begins ? [94] : []) + $0.utf8.map(Int.init) },
      decode: { String(decoding: $0.compactMap(UInt8.init(exactly:)), as: UTF8.self) },
      endOfText: endOfText)
  }

  private func load(
    _ records: [String], samples: Int, length: Int, heldOut: Int = 0, name: String = "data.jsonl",
    coding: TextCoding? = nil, _ set: (inout CalibrationSettings) -> Void = { _ in }
  ) throws -> CalibrationData {
    try withTemporaryFolder { folder in
      let file = folder.appending(path: name)
      try Data(records.joined(separator: "\n").utf8).write(to: file)
      var settings = CalibrationSettings()
      set(&settings)
      return try CalibrationData(
        CalibrationSource(file: file), coding: coding ?? self.coding(), sampleCount: samples,
        sequenceLength: length, vocabularySize: 256, heldOutCount: heldOut, settings: settings)
    }
  }

  private func texts(_ texts: String...) -> [String] { texts.map { "{\"text\": \"\($0)\"}" } }

  private func strings(_ samples: [[Int32]]) -> [String] {
    samples.map { String(decoding: $0.map { UInt8($0) }, as: UTF8.self) }
  }

  /// Records that are long enough stand by themselves; what is left of joined ones begins the next sample.
  @Test func shortRecordsAreJoined() throws {
    let data = try load(
      texts("abc", "defghijk", "lm", "nopqrstuvwx", "yz"), samples: 4, length: 8)
    #expect(strings(data.samples) == ["defghijk", "nopqrstu", "abc$lm$y"])
    #expect(data.masks == nil && data.sequenceLength == 8)
    #expect(data.remark == "3 short records joined")
    #expect(data.warnings.count == 1)
    #expect(data.warnings[0].hasSuffix("gives 3 samples of 8 tokens; 4 were asked for"))
  }

  /// Long records are those that they are without joining.
  @Test func joiningLeavesLongRecordsAlone() throws {
    let records = texts("abcdefgh", "ijklmnop", "qrstuvwxyz")
    let joined = try load(records, samples: 3, length: 8)
    let dropped = try load(records, samples: 3, length: 8) { $0.shortSamples = .drop }
    #expect(joined == dropped && joined.remark.isEmpty)
  }

  /// A token that ends a text is not written twice, and there is none to write for some models.
  @Test func textsEndOnce() throws {
    let records = texts("ab$", "cd", "ef")
    #expect(strings(try load(records, samples: 1, length: 8).samples) == ["ab$cd$ef"])
    let without = try load(records, samples: 1, length: 7, coding: coding(endOfText: nil))
    #expect(strings(without.samples) == ["ab$cdef"])
    #expect(without.warnings.contains { $0.contains("without a token between them") })
    // One that the model has no embedding for is none.
    let beyond = try load(records, samples: 1, length: 7, coding: coding(endOfText: 300))
    #expect(beyond.samples == without.samples)
  }

  @Test func whatIsHeldOutIsJoinedToo() throws {
    let data = try load(
      texts("abc", "defg", "hij", "klm", "nopqrstu", "vw"), samples: 1, length: 8, heldOut: 2)
    #expect(strings(data.samples) == ["abc$defg"])
    #expect(strings(data.heldOut) == ["$hij$klm", "nopqrstu"])
  }

  @Test func shortRecordsArePadded() throws {
    let data = try load(texts("abc", "", "defghijk", "l"), samples: 4, length: 6) {
      $0.shortSamples = .pad
    }
    #expect(strings(data.samples) == ["abc", "defghi", "l"])
    #expect(data.sequenceLength == 6 && data.tokenCount == 10)
    #expect(
      data.masks == [
        SampleMask(tokenCount: 3), SampleMask(tokenCount: 6), SampleMask(tokenCount: 1),
      ])
    #expect(data.remark == "3 short records padded")
  }

  /// Where no record is as long as a sample may be, samples are as long as the longest, up to the next 64 tokens; so is
  /// what is held out.
  @Test func samplesAreNoLongerThanTheyMustBe() throws {
    let records = (0..<20).map { "{\"text\": \"\(String(repeating: "x", count: 50 + $0))\"}" }
    let data = try load(records, samples: 4, length: 200, heldOut: 2) { $0.shortSamples = .pad }
    #expect(data.samples.map(\.count) == [50, 51, 52, 53])
    #expect(data.sequenceLength == 64)
    #expect(data.heldOut.count == 6 && data.heldOut.everySatisfies { $0.count == 64 })
    let full = try load(records, samples: 4, length: 80) { $0.shortSamples = .pad }
    #expect(full.sequenceLength == 80)
  }

  /// Other lengths are other data, though the ids are the same.
  @Test func theHashHasTheLengths() throws {
    func hash(_ records: [String]) throws -> String {
      try load(records, samples: 2, length: 4) { $0.shortSamples = .pad }.hash
    }
    let (one, two) = (try hash(texts("abcd", "ef")), try hash(texts("abc", "def")))
    #expect(one != two)
  }

  @Test func ofTooFewTokensThereIsNoSample() {
    for (short, advice) in [(ShortSamples.join, "shortSamples: pad"), (.drop, "shortSamples")] {
      expectInputError(
        .invalidValue,
        mentioning: ["none of its 2 records has 9 tokens; the longest has 3", advice]
      ) {
        try load(texts("abc", "de"), samples: 1, length: 9) { $0.shortSamples = short }
      }
    }
  }

  // MARK: What is read

  @Test func aColumnIsText() throws {
    let data = try load(
      ["{\"text\": \"no\", \"body\": \"abcd\"}", "{\"body\": \"efgh\", \"input_ids\": [1]}"],
      samples: 2, length: 4
    ) { $0.textColumn = "body" }
    #expect(strings(data.samples) == ["abcd", "efgh"])
    expectInputError(.missing, mentioning: ["line 2", "the record has no 'body'"]) {
      try load(["{\"body\": \"abcd\"}", "{\"text\": \"efgh\"}"], samples: 2, length: 4) {
        $0.textColumn = "body"
      }
    }
    expectInputError(.invalidValue, mentioning: ["line 1, body: found 7"]) {
      try load(["{\"body\": 7}"], samples: 2, length: 4) { $0.textColumn = "body" }
    }
  }

  @Test func aColumnIsAConversation() throws {
    let record =
      "{\"chat\": [{\"role\": \"user\", \"content\": \"ab\"}, {\"from\": \"gpt\", \"value\": \"cd\"}]}"
    let data = try load([record], samples: 1, length: 6) { $0.textColumn = "chat" }
    #expect(strings(data.samples) == ["ab\n\ncd"])
  }

  /// What an attention mask leaves out is padding of whoever wrote the ids.
  @Test func idsComeWithMasks() throws {
    let record =
      "{\"input_ids\": [1, 2, 3, 4, 5], \"attention_mask\": [0, 1, 1, 1, 0], \"loss_mask\": [1, 0, 1, 1, 1]}"
    let data = try load([record], samples: 1, length: 5) {
      ($0.shortSamples, $0.lossMask) = (.pad, .answers)
    }
    #expect(data.samples == [[2, 3, 4]])
    #expect(data.masks == [SampleMask(tokenCount: 3, counted: [1..<3])])
    expectInputError(
      .invalidValue, mentioning: ["attention_mask: found an array of 1, expected an array of 2"]
    ) {
      try load(["{\"input_ids\": [1, 2], \"attention_mask\": [1]}"], samples: 1, length: 2)
    }
    expectInputError(.invalidValue, mentioning: ["line 1, loss_mask[1]: found 2"]) {
      try load(["{\"input_ids\": [1, 2], \"loss_mask\": [1, 2]}"], samples: 1, length: 2)
    }
  }

  @Test func anArrayIsAFileOfRecords() throws {
    let text = "\n[{\"text\": \"abcd\"},\n {\"text\": \"efgh\"}]"
    let data = try load([text], samples: 2, length: 4, name: "data.json")
    #expect(strings(data.samples) == ["abcd", "efgh"])
    let lines = try load(texts("abcd"), samples: 1, length: 4, name: "data.json")
    #expect(strings(lines.samples) == ["abcd"])
    expectInputError(.missing, mentioning: ["data.json", "[1]: the record has none of"]) {
      try load(["[{\"text\": \"abcd\"}, {}]"], samples: 2, length: 4, name: "data.json")
    }
  }

  @Test func aTableSaysHowToConvertIt() {
    expectInputError(
      .unsupported, mentioning: ["read_parquet", "to_json", "data.parquet data.jsonl"]
    ) {
      try load(["PAR1"], samples: 1, length: 4, name: "data.parquet")
    }
  }

  // MARK: Orders and mixtures

  /// The same records in an order that the seed decides; what is held out comes after them.
  @Test(arguments: ["data.jsonl", "data.json", "data.txt"]) func aSeedShuffles(name: String) throws
  {
    let words = (0..<40).map { "w\($0 + 10)-" }
    let lines = words.map { "{\"text\": \"\($0)\"}" }
    let records: [String]
    switch name {
    case "data.txt": records = [words.joined()]
    case "data.json": records = ["[\(lines.joined(separator: ","))]"]
    default: records = lines
    }
    func samples(_ seed: UInt64?) throws -> (samples: [String], heldOut: [String]) {
      let data = try load(records, samples: 8, length: 4, heldOut: 4, name: name) {
        $0.shuffleSeed = seed
      }
      #expect(data.remark == (seed == nil ? "" : "shuffled"))
      return (strings(data.samples), strings(data.heldOut))
    }
    let (plain, first, second) = (try samples(nil), try samples(7), try samples(8))
    #expect(plain.samples == Array(words.prefix(8)))
    #expect(first == (try samples(7)))
    #expect(first.samples != second.samples && first.samples != plain.samples)
    #expect(Set(first.samples + first.heldOut).count == 12)
    #expect(Set(first.samples + first.heldOut).isSubset(of: words))
  }

  @Test func severalFilesHaveTheirShares() throws {
    try withTemporaryFolder { folder in
      for (name, letter) in [("a.jsonl", "a"), ("b.jsonl", "b")] {
        let records = (0..<20).map { "{\"text\": \"\(letter)\($0 + 10)\"}" }
        try Data(records.joined(separator: "\n").utf8).write(to: folder.appending(path: name))
      }
      try Data("cdefghijklmnopqrstuvwxyz".utf8).write(to: folder.appending(path: "c.txt"))
      func load(_ weights: String...) throws -> CalibrationData {
        try CalibrationData(
          CalibrationSource(
            files: zip(["a.jsonl", "b.jsonl", "c.txt"], weights).map {
              folder.appending(path: $0).path + $1
            }), coding: coding(), sampleCount: 8, sequenceLength: 3, vocabularySize: 256,
          heldOutCount: 4)
      }
      let data = try load("", ":2", ":1")
      #expect(
        strings(data.samples) == ["a10", "a11", "b10", "b11", "b12", "b13", "cde", "fgh"])
      #expect(strings(data.heldOut) == ["a12", "b14", "b15", "ijk"])
      #expect(data.warnings.isEmpty)
      #expect(strings(try load(":1e300", ":1e300").samples).count == 8)
      let little = try load(":1", ":0.01")
      #expect(little.samples.count == 8)
      #expect(little.warnings.contains { $0.contains("so small a weight") })
      let few = try load(":0.5", ":0.25", ":1e3")
      #expect(few.samples.count == 8)
      for weight in [":0", ":-1", ":nan", ":inf"] {
        expectInputError(
          .invalidValue, mentioning: ["a.jsonl\(weight)", "expected a number above 0"]
        ) {
          try load(weight)
        }
      }
      #expect(
        try CalibrationSource(files: [folder.appending(path: "a.jsonl").path])
          == .records(folder.appending(path: "a.jsonl")))
    }
  }
}
