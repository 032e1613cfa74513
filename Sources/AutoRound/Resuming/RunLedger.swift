import Checkpoints
import Diagnostics
import Reporting
import Tensors

/// Which units of a run are finished, on the disk, and which is next.
///
/// A run that may be continued has a journal; what an earlier process of it has finished counts as finished here.
final class RunLedger {
  let writer: CheckpointWriter
  /// Units of the run.
  let unitCount: Int
  /// What became of the units so far.
  private(set) var reports: [BlockReport]
  /// The time and the memory that earlier processes have taken; nil if there was none.
  let earlierCost: RunCost?
  private let copy: QuantizedCopy
  /// Nil where nothing is kept of an unfinished run.
  private let journal: RunJournal?
  private var nextUnit: Int

  /// Opens the ledger of the run in `folder`, or begins one.
  ///
  /// - Parameters:
  ///   - identity: What the run is; nil where nothing of it is kept.
  ///   - restart: Whether what an earlier run has left is thrown away.
  /// - Throws: `invalidValue`, naming the differences, if the earlier run was another one; `malformed` if what it has
  ///   written is no longer there.
  init(
    in folder: PartialFolder, identity: RunFingerprint?, restart: Bool, copy: QuantizedCopy,
    unitCount: Int
  ) throws {
    (self.copy, self.unitCount) = (copy, unitCount)
    journal = try identity.map { try RunJournal(in: folder, fingerprint: $0, restart: restart) }
    if journal == nil { try folder.clear() }
    let finished = journal?.finished ?? []
    reports = finished.compactMap(\.report)
    earlierCost = finished.last?.cost
    nextUnit = finished.count
    writer = try CheckpointWriter(
      CheckpointPlan(copy.tensors), in: folder, finished: journal?.finishedTensors)
    try journal?.verify(writer)
  }

  /// Units that the next process of this run will not do again.
  var keptCount: Int { journal?.finished.count ?? 0 }
  /// What the user was told by earlier processes.
  var earlierWarnings: [String] { journal?.finished.flatMap(\.warnings) ?? [] }
  /// The SHA-256 of tensors that are written, by name; those of slices of a stack are for continuing a run alone.
  var digests: [(key: String, value: String)] {
    let names = Set(copy.tensors.map(\.name))
    return journal?.finished.flatMap { $0.tensors.filter { names.contains($0.key) } } ?? []
  }

  /// The unit that comes next; nil when all are done.
  func next() -> Int? { nextUnit < unitCount ? nextUnit : nil }

  /// Fills the hidden states with those that the next unit reads, if a unit is finished.
  ///
  /// - Returns: Whether one is.
  func restore(_ states: HiddenStates) throws(InputError) -> Bool {
    guard let journal, let last = journal.finished.last else { return false }
    guard let files = last.streams else {
      throw InputError(
        .malformed, source: "the journal of the unfinished run",
        "has \(journal.finished.count) blocks and no hidden states after them; begin anew with "
          + "\(OptionName.restart)")
    }
    try journal.read(files.original, into: states.original)
    try journal.read(files.quantized, into: states.quantized)
    return true
  }

  /// Writes what was made of the next unit, and makes it count as finished.
  ///
  /// - Parameter streams: What the unit after it reads.
  func finish(_ result: UnitResult, streams: HiddenStates?, cost: RunCost) throws {
    for (module, weight) in result.weights {
      for (name, tensor) in try copy.tensors(for: weight, of: module) {
        try write(tensor, at: copy.place(of: name))
      }
    }
    for (name, value) in result.scales {
      try write(copy.tensor(ofScale: value, named: name), at: copy.place(of: name))
    }
    let isLast = nextUnit == unitCount - 1
    try journal?.finish(
      nextUnit, report: result.report, warnings: result.warnings, cost: cost, writer: writer,
      streams: isLast ? nil : streams)
    if let report = result.report { reports.append(report) }
    nextUnit += 1
  }

  private func write(_ tensor: Tensor, at place: TensorPlace) throws {
    try writer.write(tensor, at: place)
    journal?.note(tensor, named: place.description)
  }
}
