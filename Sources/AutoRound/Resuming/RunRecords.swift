import Diagnostics
package import JSONText

/// The records of a run's journal: first what run it was, then its finished blocks in order.
package struct RunRecords {
  let fingerprint: RunFingerprint
  let finished: [FinishedBlock]

  /// Reads what a journal holds; at least its first record.
  ///
  /// - Throws: `InputError` if a record is not what its place asks for. It does not name the journal.
  package init(_ records: [JSONValue]) throws {
    guard let first = records.first else { throw InputError(.malformed, "has no records") }
    fingerprint = try RunFingerprint(JSONReader(first).required("run"))
    finished = try records.dropFirst().map { try FinishedBlock(JSONReader($0)) }
    guard finished.map(\.index) == Array(finished.indices) else {
      throw InputError(
        .malformed, "the blocks are not in order; begin anew with \(OptionName.restart)")
    }
  }
}
