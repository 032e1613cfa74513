import Calibration
import Foundation
import TestSupport
import Testing

/// What is held out to measure a result on.
@Suite struct HeldOutTests {
  /// A tokenizer whose ids are bytes.
  private let bytes = TextCoding(
    encode: { $0.utf8.map(Int.init) },
    decode: { String(decoding: $0.map(UInt8.init), as: UTF8.self) })

  private func load(
    _ text: String, _ name: String, samples: Int, length: Int, heldOut: Int
  ) throws -> CalibrationData {
    try withTemporaryFolder { folder in
      let file = folder.appending(path: name)
      try Data(text.utf8).write(to: file)
      return try CalibrationData(
        CalibrationSource(file: file), coding: bytes, sampleCount: samples, sequenceLength: length,
        vocabularySize: 256, heldOutCount: heldOut)
    }
  }

  /// An eighth, but at least 2,000 tokens that are predicted, and no more than was asked for.
  @Test(arguments: [
    (128, 2048, 8192, 4), (128, 512, 8192, 16), (8, 256, 8192, 8), (4, 64, 8192, 32),
    (8, 2048, 8192, 1), (8, 8192, 8192, 1), (8, 20_000, 8192, 1), (8, 256, 500, 1),
    (1024, 256, 8192, 32), (8, 2, 8192, 2000), (8, 1, 8192, 0), (8, 64, 0, 0),
  ])
  func count(samples: Int, length: Int, asked: Int, expected: Int) {
    #expect(
      HeldOutText.sampleCount(tokenCount: asked, besides: samples, sequenceLength: length)
        == expected)
  }

  /// However much is held out, the samples that tune are the same.
  @Test(arguments: ["a.jsonl", "a.txt"]) func tuningSamplesStay(_ name: String) throws {
    let words = (0..<400).map { String(repeating: "\($0 % 10)", count: 7) }
    let text =
      name == "a.txt"
      ? words.joined() : words.map { "{\"text\": \"\($0)\($0)\"}\n" }.joined()
    let none = try load(text, name, samples: 3, length: 7, heldOut: 0)
    #expect(none.heldOut.isEmpty && none.warnings.isEmpty)
    for count in [1, 8, 300] {
      let some = try load(text, name, samples: 3, length: 7, heldOut: count)
      #expect(some.samples == none.samples && some.hash == none.hash)
      #expect(some.heldOut.count == count)
      #expect(some.heldOut[0] == Array(repeating: 51, count: 7))
      #expect(some.warnings.isEmpty)
    }
  }

  /// Where all records are calibrated on, what was cut from them is not.
  @Test func theRestOfRecordsIsHeldOut() throws {
    let text =
      #"{"text": "abcdefghijk"}"# + "\n" + #"{"text": "lmn"}"# + "\n" + #"{"text": "opqrs"}"#
    let data = try load(text, "a.jsonl", samples: 2, length: 3, heldOut: 4)
    #expect(data.samples == [Array("abc".utf8), Array("lmn".utf8)].map { $0.map(Int32.init) })
    #expect(data.heldOut == ["opq", "def", "ghi"].map { $0.utf8.map(Int32.init) })
    #expect(data.warnings.count == 1)
    #expect(
      data.warnings[0].hasSuffix(
        "has 6 tokens left to measure the result on; a perplexity on fewer than 2,000 says little"))
    // What was left does not make up for samples that are missing.
    let few = try load(text, "a.jsonl", samples: 4, length: 3, heldOut: 4)
    #expect(few.samples.count == 3 && few.heldOut.isEmpty)
    #expect(few.warnings.count == 2)
    #expect(few.warnings[1].contains("has nothing left to measure the result on"))
  }
}
