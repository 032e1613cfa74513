import Diagnostics
import Foundation
import JSONText

extension CalibrationData.Request {
  /// The first records that are long enough, cut to length. Where these are too few to hold some out,
  /// what cutting has left of records is held out.
  func records(
    in bytes: Data, _ vocabulary: CalibrationData.Vocabulary
  ) throws -> CalibrationData.Found {
    var found = CalibrationData.Found()
    var recordCount = 0
    var longest = 0
    var rest: [[Int32]] = []
    for (line, number) in JSONLines(bytes) {
      let ids: [Int32]
      do {
        ids = try tokenIDs(of: CalibrationRecord(line: line), vocabulary)
      } catch let error as InputError {
        // There are samples enough: an error after the last of them does not matter.
        if found.samples.count >= sampleCount { break }
        throw error.atLine(number)
      }
      recordCount += 1
      longest = max(longest, ids.count)
      guard ids.count >= sequenceLength else {
        if found.samples.count < sampleCount { found.shortCount += 1 }
        continue
      }
      found.samples.append(Array(ids.prefix(sequenceLength)))
      if found.samples.count == sampleCount + heldOutCount { return found }
      for first in stride(
        from: sequenceLength, through: ids.count - sequenceLength, by: sequenceLength)
      where rest.count < heldOutCount {
        rest.append(Array(ids[first..<first + sequenceLength]))
      }
    }
    if found.samples.count >= sampleCount {
      found.samples += rest.prefix(sampleCount + heldOutCount - found.samples.count)
    }
    guard recordCount > 0 else {
      throw InputError(.malformed, "has no records; expected one JSON object per line")
    }
    guard !found.samples.isEmpty else {
      throw InputError(
        .invalidValue,
        "none of its \(recordCount) records has \(sequenceLength) tokens; the longest has "
          + "\(longest): ask for shorter samples, or join the texts in a .txt file")
    }
    return found
  }

  private func tokenIDs(
    of record: CalibrationRecord, _ vocabulary: CalibrationData.Vocabulary
  ) throws -> [Int32] {
    switch record {
    case .text(let text): try beginning(of: text, vocabulary)
    case .tokenIDs(let ids): try ids.map(vocabulary.checked)
    case .conversation(let conversation):
      try vocabulary.coding.encodeConversation(conversation).map(vocabulary.checked)
    }
  }
}

extension InputError {
  /// The same error at a line of a file of lines. Its place within the line follows, without the
  /// number of the line that a parser of one line gives.
  fileprivate func atLine(_ number: Int) -> InputError {
    let inLine = place.map { $0.hasPrefix("line 1, ") ? String($0.dropFirst(8)) : $0 }
    var copy = self
    copy.place = ["line \(number)", inLine].compactMap { $0 }.joined(separator: ", ")
    return copy
  }
}
