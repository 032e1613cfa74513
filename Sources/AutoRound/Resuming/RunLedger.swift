import Checkpoints
import Checksums
import Diagnostics
import Execution
import JSONText
import QuantizedCheckpoints
import Reporting
import Tensors

/// Which units of a run are finished, on the disk, and which is next.
///
/// A run that may be continued keeps what it has in the folder `<output>.partial`:
///
/// | file | content |
/// |---|---|
/// | `checkpoint/` | the output as far as it is written, each format in a folder where there are several |
/// | `journal` | first the run's fingerprint, then a record for each finished unit |
/// | `block-<n>-original`, `block-<n>-quantized` | the hidden states after unit n: those of the model in full precision, and of the model as quantized so far |
///
/// A unit counts once its record is in the journal, and that is written when all that it speaks of is on the disk. Both
/// streams are kept although the original one could be computed again: writing them takes less time than a pass through
/// all blocks, and they are the very same bytes.
final class RunLedger {
  /// The copies that are written, in the order in which formats were asked for.
  let copies: [GrowingCopy]
  /// Units of the run.
  let unitCount: Int
  /// Units that the next process of this run will not do again.
  private(set) var kept: [FinishedBlock] = []
  /// What became of the units so far.
  private(set) var reports: [BlockReport]
  /// The time and the memory that earlier processes have taken; nil if there was none.
  let earlierCost: RunCost?
  private let folder: PartialFolder
  /// Nil where nothing is kept of an unfinished run.
  private let journal: Journal?
  private var nextUnit: Int

  /// Opens the ledger of the run in `folder`, or begins one.
  ///
  /// - Parameters:
  ///   - identity: What the run is; nil where nothing of it is kept.
  ///   - restart: Whether what an earlier run has left is thrown away.
  /// - Throws: `invalidValue`, naming the differences, if the earlier run was another one.
  init(
    in folder: PartialFolder, identity: RunFingerprint?, restart: Bool, copies: [QuantizedCopy],
    unitCount: Int
  ) throws {
    (self.folder, self.unitCount) = (folder, unitCount)
    var journal: Journal?
    if let identity, !restart { (journal, kept) = try Self.resume(identity, in: folder) }
    if kept.isEmpty {
      try folder.clear()
      journal = try identity.map { _ in try Journal(at: folder.journalPath) }
      if let identity { try journal?.append(["run": identity.json]) }
    } else {
      try Self.clean(folder, keeping: kept.last?.streams)
    }
    self.journal = journal
    reports = kept.compactMap(\.report)
    earlierCost = kept.last?.cost
    nextUnit = kept.count
    let finished = kept.isEmpty ? nil : kept.flatMap(\.tensors.keys)
    self.copies = try copies.map { try GrowingCopy($0, in: folder, finished: finished) }
  }

  /// Reads what an earlier process has written.
  ///
  /// - Throws: `malformed` for a tensor that is no longer what its record says.
  func requireKept() throws(InputError) {
    for (name, digest) in kept.flatMap(\.tensors) {
      guard let copy = copies.first(where: { $0.tensor(recordedAs: name) != nil }),
        Self.digest(try copy.written(name)) == digest
      else {
        throw InputError(
          .malformed, source: folder.path, place: "tensor \(quoted(name))",
          "is not what was written there; begin anew with \(OptionName.restart)")
      }
    }
  }

  /// The journal in the folder, and the units that the run has finished by it.
  private static func resume(
    _ identity: RunFingerprint, in folder: PartialFolder
  ) throws -> (Journal, [FinishedBlock]) {
    let journal = try open(folder.journalPath)
    guard !journal.records.isEmpty else { return (journal, []) }
    return try naming(folder.journalPath) {
      let earlier = try RunRecords(journal.records)
      let differences = identity.differences(from: earlier.fingerprint)
      guard differences.isEmpty else {
        throw InputError(
          .invalidValue, source: folder.path,
          "an unfinished run is kept here, and this one would not continue it; "
            + differences.prefix(5).joined(separator: "; ")
            + ". Use the same arguments, or begin anew with \(OptionName.restart)")
      }
      return (journal, earlier.finished)
    }
  }

  private static func open(_ path: String) throws(InputError) -> Journal {
    do {
      return try Journal(at: path)
    } catch  where error.code == .malformed {
      throw InputError(
        error.code, source: error.source, place: error.place,
        error.message + "; begin anew with \(OptionName.restart)")
    }
  }

  /// Removes hidden states that no unit will read again.
  private static func clean(
    _ folder: PartialFolder, keeping streams: FinishedBlock.Streams?
  ) throws(InputError) {
    let kept = [
      PartialFolder.journalName, "checkpoint", streams?.original.name, streams?.quantized.name,
    ]
    try folder.remove { !kept.contains($0) }
  }

  /// The SHA-256 of tensors that are written, by name; those of slices of a stack are for continuing a run alone.
  func digests(of copy: GrowingCopy) -> [(key: String, value: String)] {
    let names = Set(copy.copy.tensors.map(\.name))
    return kept.flatMap(\.tensors).compactMap { record in
      copy.tensor(recordedAs: record.key).map { ($0, record.value) }
    }.filter { names.contains($0.0) }
  }

  /// The unit that comes next; nil when all are done.
  func next() -> Int? { nextUnit < unitCount ? nextUnit : nil }

  /// Fills the hidden states with those that the next unit reads, if a unit is finished.
  ///
  /// - Returns: Whether one is.
  func restore(_ states: HiddenStates) throws(InputError) -> Bool {
    guard let last = kept.last else { return false }
    guard let files = last.streams else {
      throw InputError(
        .malformed, source: folder.journalPath,
        "has \(kept.count) blocks and no hidden states after them; begin anew with "
          + "\(OptionName.restart)")
    }
    for (file, cache) in [
      (files.original, states.original), (files.quantized, states.quantized),
    ] {
      try cache.read(from: folder.path + "/" + file.name, digest: file.digest)
    }
    return true
  }

  /// Writes what was made of the next unit, and makes it count as finished.
  ///
  /// - Parameter streams: What the unit after it reads.
  func finish(_ result: UnitResult, streams: HiddenStates?, cost: RunCost) throws {
    var digests: [String: String] = [:]
    for copy in copies {
      var names: [String] = []
      try copy.write(result.weights, result.scales) { name, tensor in
        names.append(name)
        if journal != nil { digests[name] = Self.digest(tensor) }
      }
      if journal != nil { try copy.synchronize(names) }
    }
    if let journal {
      let isLast = nextUnit == unitCount - 1
      let block = FinishedBlock(
        index: nextUnit, report: result.report, tensors: digests, warnings: result.warnings,
        streams: try isLast ? nil : streams.map(keep), cost: cost)
      try journal.append(block.json)
      folder.isKept = true
      kept.append(block)
      try Self.clean(folder, keeping: block.streams)
    }
    if let report = result.report { reports.append(report) }
    nextUnit += 1
  }

  private func keep(_ states: HiddenStates) throws(InputError) -> FinishedBlock.Streams {
    func write(
      _ cache: ActivationCache, _ kind: String
    ) throws(InputError) -> FinishedBlock.ActivationFile {
      let name = "block-\(nextUnit)-\(kind)"
      // No record speaks of a file of this name: what is there, a run that was cut off has left.
      try folder.remove { $0 == name }
      return .init(name: name, digest: try cache.write(to: folder.path + "/" + name))
    }
    let streams = FinishedBlock.Streams(
      original: try write(states.original, "original"),
      quantized: try write(states.quantized, "quantized"))
    try OutputFile.synchronizeFolder(folder.path)
    return streams
  }

  private static func digest(_ tensor: Tensor) -> String {
    tensor.withUnsafeBytes { SHA256.hexadecimal(of: $0) }
  }
}
