import ChatTemplates
import Diagnostics
import Foundation
import JSONText

/// One line of a file of records.
enum CalibrationRecord: Equatable {
  case text(String)
  case tokenIDs([Int])
  case conversation(Conversation)

  /// The shapes of records, for messages.
  static let shapes =
    "\"text\", \"input_ids\", \"messages\", \"conversations\", \"prompt\" with \"response\", or "
    + "\"instruction\" with \"output\""

  /// Reads a JSON object. Of several shapes in one record the first of ``shapes`` counts, but ids before all: they
  /// are what someone wanted the model to see. Other keys have no meaning here.
  init(line: Data) throws {
    let value = try JSONValue.parse(line)
    guard value.objectValue != nil else {
      throw InputError(.malformed, "expected a JSON object with \(Self.shapes)")
    }
    let record = JSONReader(value)
    if let ids = try record.optional("input_ids") {
      self = .tokenIDs(try ids.elements().map { try $0.int() })
    } else if let text = try record.optional("text") {
      self = .text(try text.string())
    } else if let conversation = try Conversation(record: record) {
      self = .conversation(conversation)
    } else {
      throw InputError(.missing, "the record has none of \(Self.shapes)")
    }
  }
}

/// The lines of a JSON Lines file that are not blank, with their numbers from 1.
struct JSONLines: Sequence, IteratorProtocol {
  private var rest: Data
  private var number = 0

  init(_ bytes: Data) { rest = bytes }

  mutating func next() -> (line: Data, number: Int)? {
    while !rest.isEmpty {
      let end = rest.firstIndex(of: UInt8(ascii: "\n")) ?? rest.endIndex
      let line = rest[..<end]
      rest = rest[end...].dropFirst()
      number += 1
      if line.contains(where: { $0 > UInt8(ascii: " ") }) { return (line, number) }
    }
    return nil
  }
}
