import ChatTemplates
import Diagnostics
import Foundation
import JSONText

/// One record of a file.
enum CalibrationRecord: Equatable {
  case text(String)
  /// Ids, and which of them count where outputs are compared; nil: all.
  case tokenIDs([Int], isCounted: [Bool]? = nil)
  case conversation(Conversation)

  /// The shapes of records, for messages.
  static let shapes =
    "\"text\", \"input_ids\", \"messages\", \"conversations\", \"prompt\" with \"response\", or "
    + "\"instruction\" with \"output\""

  /// Reads a JSON object. Of several shapes in one record the first of ``shapes`` counts, but ids before all: they
  /// are what someone wanted the model to see. Other keys have no meaning here.
  ///
  /// - Parameter column: The key of the text or the messages; nil: those of ``shapes``.
  init(_ value: JSONValue, column: String? = nil) throws {
    guard value.objectValue != nil else {
      throw InputError(.malformed, "expected a JSON object with \(column ?? Self.shapes)")
    }
    let record = JSONReader(value)
    if let column {
      guard let found = try record.optional(column) else {
        throw InputError(.missing, "the record has no \(quoted(column))")
      }
      if found.value.arrayValue != nil,
        let conversation = try Conversation(record: record, lists: [column])
      {
        self = .conversation(conversation)
      } else {
        self = .text(try found.string())
      }
    } else if let ids = try record.optional("input_ids") {
      self = try Self.masked(ids, of: record)
    } else if let text = try record.optional("text") {
      self = .text(try text.string())
    } else if let conversation = try Conversation(record: record) {
      self = .conversation(conversation)
    } else {
      throw InputError(.missing, "the record has none of \(Self.shapes)")
    }
  }

  /// Ids without those that `attention_mask` leaves out, which are padding; `loss_mask` says which count.
  private static func masked(_ ids: JSONReader, of record: JSONReader) throws -> Self {
    let ids = try ids.elements().map { try $0.int() }
    func mask(_ key: String) throws -> [Bool]? {
      guard let reader = try record.optional(key) else { return nil }
      let mask = try reader.elements().map { try $0.int(in: 0...1) == 1 }
      guard mask.count == ids.count else {
        throw reader.mismatch("an array of \(ids.count), as many as there are ids")
      }
      return mask
    }
    let (isPresent, isCounted) = (try mask("attention_mask"), try mask("loss_mask"))
    func present<Element>(_ list: [Element]) -> [Element] {
      guard let isPresent else { return list }
      return zip(list, isPresent).filter { $1 }.map { $0.0 }
    }
    return .tokenIDs(present(ids), isCounted: isCounted.map(present))
  }
}
