import Calibration
import Foundation
import TestSupport
import Testing
import Tokenization

/// Calibration samples of the example model with its own tokenizer.
@Suite struct CalibrationTokensTests {
  @Test func recordsOfTheExample() throws {
    let tokenizer = try Tokenizer(folder: Fixtures.examples.appending(path: "books-llama-6m"))
    let file = Fixtures.examples.appending(path: "data/calibration.jsonl")
    let data = try CalibrationData(
      CalibrationSource(file: file), coding: TextCoding(tokenizer), sampleCount: 128,
      sequenceLength: 512,
      vocabularySize: 4096)
    #expect(data.samples.count == 128)
    #expect(data.samples.everySatisfies { $0.count == 512 })
    #expect(data.warnings.isEmpty)
    #expect(data.excerpt.hasPrefix("\"Your repentance,\" I said, \"is now superfluous."))
    // Another order, length or number of samples is other data.
    let fewer = try CalibrationData(
      CalibrationSource(file: file), coding: TextCoding(tokenizer), sampleCount: 127,
      sequenceLength: 512,
      vocabularySize: 4096)
    #expect(fewer.samples[...] == data.samples.dropLast())
    #expect(fewer.hash != data.hash)
  }

  @Test func builtinTextOfTheExample() throws {
    let tokenizer = try Tokenizer(folder: Fixtures.examples.appending(path: "books-llama-6m"))
    let data = try CalibrationData(
      .builtin, coding: TextCoding(tokenizer), sampleCount: 128, sequenceLength: 2048,
      vocabularySize: 4096)
    #expect(data.samples.count == 128)
    #expect(data.warnings.isEmpty)
    // Windows follow on one another: the whole is the beginning of the text.
    let text = tokenizer.decode(data.samples[0].map(Int.init), skippingSpecialTokens: false)
    let next = tokenizer.decode(data.samples[1].map(Int.init), skippingSpecialTokens: false)
    let both = tokenizer.decode(
      (data.samples[0] + data.samples[1]).map(Int.init), skippingSpecialTokens: false)
    #expect(both == text + next)
    #expect(text.contains("\n\n"))
  }
}
