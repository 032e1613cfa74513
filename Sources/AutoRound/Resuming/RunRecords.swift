package import Diagnostics
package import JSONText

/// The records of a run's journal: first what run it was, then its finished blocks in order.
package struct RunRecords {
  let fingerprint: RunFingerprint
  let finished: [FinishedBlock]

  /// Reads what a journal holds; at least its first record.
  ///
  /// - Throws: `InputError` if a record is not what its place asks for. It does not name the journal.
  package init(_ records: [JSONValue]) throws(InputError) {
    guard let first = records.first else { throw InputError(.malformed, "has no records") }
    fingerprint = try RunFingerprint(JSONReader(first).required("run"))
    var finished: [FinishedBlock] = []
    for record in records.dropFirst() { finished.append(try FinishedBlock(JSONReader(record))) }
    self.finished = finished
    guard finished.enumerated().allSatisfy({ $0.offset == $0.element.index }) else {
      throw InputError(
        .malformed, "the blocks are not in order; begin anew with \(OptionName.restart)")
    }
  }
}
