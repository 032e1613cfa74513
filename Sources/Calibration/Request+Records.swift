import Diagnostics
import Foundation
import JSONText

extension CalibrationData.Request {
  /// The first records, cut to length. What becomes of shorter ones, the settings say. Where there are too few records to
  /// hold some out, what cutting has left of them is held out.
  func records(
    _ file: RecordFile, _ vocabulary: CalibrationData.Vocabulary
  ) throws -> CalibrationData.Found {
    var found = CalibrationData.Found()
    var (recordCount, longest) = (0, 0)
    var joined = JoinedRecords(endOfText: vocabulary.endOfText)
    var rest: [[Int32]] = []
    for entry in file {
      guard found.samples.count < sampleCount || found.heldOut.count < heldOutCount else { break }
      let record: EncodedRecord
      do {
        record = try encoded(
          CalibrationRecord(entry.value(), column: settings.textColumn), vocabulary)
      } catch let error as InputError {
        // There are samples enough: an error after the last of them does not matter.
        if found.samples.count >= sampleCount { break }
        throw entry.placed(error)
      }
      if found.samples.count < sampleCount { found.note(record, vocabulary) }
      recordCount += 1
      longest = max(longest, record.sample.ids.count)
      let isShort = record.sample.ids.count < sequenceLength
      var full: [Sample] = []
      if !isShort {
        full = [record.sample.prefix(sequenceLength)]
      } else if settings.shortSamples != .drop,
        settings.shortSamples == .join || found.samples.count >= sampleCount
      {
        joined.append(record)
        full = joined.takeSamples(of: sequenceLength)
      } else if settings.shortSamples == .pad, !record.sample.ids.isEmpty {
        full = [record.sample]
      }
      if isShort, found.samples.count < sampleCount { found.shortCount += 1 }
      for sample in full {
        guard found.samples.count < sampleCount else {
          found.heldOut.append(sample.ids)
          continue
        }
        guard sample.countedCount > 0 else {
          found.silentCount += 1
          continue
        }
        found.samples.append(sample)
      }
      guard !isShort else { continue }
      for first in stride(
        from: sequenceLength, through: record.sample.ids.count - sequenceLength, by: sequenceLength)
      where rest.count < heldOutCount {
        rest.append(Array(record.sample.ids[first..<first + sequenceLength]))
      }
    }
    found.lacksEndOfText = joined.lacksEndOfText
    if found.samples.count >= sampleCount {
      found.heldOut = Array((found.heldOut + rest).prefix(heldOutCount))
    }
    guard recordCount > 0 else {
      throw InputError(.malformed, "has no records; expected one JSON object per line")
    }
    guard !found.samples.isEmpty else {
      throw found.silentCount > 0
        ? InputError(
          .invalidValue,
          "none of its \(recordCount) records has an answer of the model within its first \(sequenceLength) tokens, "
            + "which \(OptionName.lossMask.with(LossMask.answers.rawValue)) asks for")
        : InputError(
          .invalidValue,
          "none of its \(recordCount) records has \(sequenceLength) tokens; the longest has "
            + "\(longest): ask for shorter samples, "
            + (settings.shortSamples == .drop
              ? "or join or pad the short ones with \(OptionName.shortSamples)"
              : "or pad them with \(OptionName.shortSamples.with(ShortSamples.pad.rawValue))"))
    }
    return found
  }

  private func encoded(
    _ record: CalibrationRecord, _ vocabulary: CalibrationData.Vocabulary
  ) throws -> EncodedRecord {
    switch record {
    case .text(let text):
      return EncodedRecord(sample: Sample(ids: try beginning(of: text, vocabulary)), kind: .text)
    case .tokenIDs(let ids, let isCounted):
      return EncodedRecord(
        sample: Sample(
          ids: try ids.map(vocabulary.checked),
          isCounted: settings.lossMask == .answers ? isCounted : nil), kind: .tokenIDs)
    case .conversation(let conversation):
      let coding = vocabulary.coding
      let text = try coding.render(conversation, false)
      let ids = try coding.encodeRendered(text)
      return EncodedRecord(
        sample: Sample(
          ids: try ids.map(vocabulary.checked),
          isCounted: try settings.lossMask == .answers
            ? coding.answers(in: conversation, text: text, ids, limit: sequenceLength) : nil),
        kind: .conversation)
    }
  }
}

/// A record as tokens.
struct EncodedRecord {
  enum Kind { case text, tokenIDs, conversation }

  var sample: Sample
  var kind: Kind
}

/// Short records, one behind the other.
private struct JoinedRecords {
  private var pending = Sample()
  private let endOfText: Int32?
  /// Whether texts follow on one another without a token between them, because the model has none that ends a text.
  private(set) var lacksEndOfText = false

  init(endOfText: Int32?) { self.endOfText = endOfText }

  /// Conversations end as their template says. Behind a text comes the token that ends one, unless it is there.
  mutating func append(_ record: EncodedRecord) {
    guard !record.sample.ids.isEmpty else { return }
    if !pending.ids.isEmpty, endOfText == nil, record.kind == .text { lacksEndOfText = true }
    pending.append(record.sample)
    guard record.kind != .conversation, let endOfText, pending.ids.last != endOfText else { return }
    pending.append(
      Sample(ids: [endOfText], isCounted: record.sample.isCounted?.last.map { [$0] }))
  }

  /// The samples that are full; the rest is the beginning of the next.
  mutating func takeSamples(of length: Int) -> [Sample] {
    var samples: [Sample] = []
    while pending.ids.count >= length {
      samples.append(pending.prefix(length))
      pending.removeFirst(length)
    }
    return samples
  }
}
