import Checkpoints
import Checksums
import Diagnostics
import Execution
import JSONText
import Reporting
import Tensors

/// What a run has finished, kept beside its output so that it can go on after it was cut off.
///
/// In the folder `<output>.partial`:
///
/// | file | content |
/// |---|---|
/// | `checkpoint/` | the output as far as it is written |
/// | `journal` | first the run's fingerprint, then a record for each finished block |
/// | `block-<n>-original`, `block-<n>-quantized` | the hidden states after block n: those of the model in full precision, and of the model as quantized so far |
///
/// A block counts once its record is in the journal, and that is written when all that it speaks of
/// is on the disk. Both streams are kept although the original one could be computed again: writing
/// them takes less time than a pass through all blocks, and they are the very same bytes.
final class RunJournal {
  /// The blocks that are finished.
  private(set) var finished: [FinishedBlock] = []
  private let folder: PartialFolder
  private let journal: Journal
  private var tensors: [String: String] = [:]

  /// Opens the journal of an earlier run with this fingerprint, or starts one.
  ///
  /// - Parameter restart: Whether what an earlier run has left is thrown away.
  /// - Throws: `invalidValue`, naming the differences, if the earlier run was another one.
  init(in folder: PartialFolder, fingerprint: RunFingerprint, restart: Bool) throws(InputError) {
    self.folder = folder
    let path = folder.journalPath
    var journal = try Self.open(restart ? nil : path, source: folder.path)
    if let records = journal?.records, !records.isEmpty {
      do throws(InputError) {
        let earlier = try RunRecords(records)
        let differences = fingerprint.differences(from: earlier.fingerprint)
        guard differences.isEmpty else {
          throw InputError(
            .invalidValue, source: folder.path,
            "an unfinished run is kept here, and this one would not continue it; "
              + differences.prefix(5).joined(separator: "; ")
              + ". Use the same arguments, or begin anew with \(OptionName.restart)")
        }
        finished = earlier.finished
      } catch {
        throw error.inSource(path)
      }
    }
    if finished.isEmpty {
      try folder.clear()
      journal = try Journal(at: path)
      try journal?.append(["run": fingerprint.json])
    } else {
      let current = finished.last?.streams
      let kept = [
        PartialFolder.journalName, "checkpoint", current?.original.name, current?.quantized.name,
      ]
      try folder.remove { !kept.contains($0) }
    }
    guard let journal else { preconditionFailure("a journal is opened or begun") }
    self.journal = journal
  }

  private static func open(_ path: String?, source: String) throws(InputError) -> Journal? {
    guard let path else { return nil }
    do {
      return try Journal(at: path)
    } catch  where error.code == .malformed {
      throw InputError(
        error.code, source: error.source, place: error.place,
        error.message + "; begin anew with \(OptionName.restart)")
    }
  }

  /// The tensors of finished blocks; nil if there are none.
  var finishedTensors: Set<String>? {
    finished.isEmpty ? nil : Set(finished.flatMap(\.tensors.keys))
  }

  /// Checks that the tensors of finished blocks are what was written.
  func verify(_ writer: CheckpointWriter) throws(InputError) {
    for (name, digest) in finished.flatMap(\.tensors) {
      guard Self.digest(try writer.written(name)) == digest else {
        throw InputError(
          .malformed, source: folder.path, place: "tensor \(quoted(name))",
          "is not what was written there; begin anew with \(OptionName.restart)")
      }
    }
  }

  /// Takes note of a tensor of the current block that was handed to the writer.
  func note(_ tensor: Tensor, named name: String) {
    tensors[name] = Self.digest(tensor)
  }

  /// Makes a block count as finished.
  ///
  /// - Parameters:
  ///   - streams: What the next block reads; nil after the last one.
  func finish(
    _ index: Int, report: BlockReport?, warnings: [String], cost: RunCost,
    writer: CheckpointWriter, streams states: HiddenStates?
  ) throws(InputError) {
    try writer.synchronize(tensors.keys)
    var streams: FinishedBlock.Streams?
    if let states {
      streams = FinishedBlock.Streams(
        original: try write(states.original, to: "block-\(index)-original"),
        quantized: try write(states.quantized, to: "block-\(index)-quantized"))
      try OutputFile.synchronizeFolder(folder.path)
    }
    let block = FinishedBlock(
      index: index, report: report, tensors: tensors, warnings: warnings, streams: streams,
      cost: cost)
    try journal.append(block.json)
    folder.isKept = true
    finished.append(block)
    tensors = [:]
    let kept = [
      PartialFolder.journalName, "checkpoint", streams?.original.name, streams?.quantized.name,
    ]
    try folder.remove { !kept.contains($0) }
  }

  /// Reads a stream back.
  func read(_ file: FinishedBlock.ActivationFile, into cache: ActivationCache) throws(InputError) {
    try cache.read(from: folder.path + "/" + file.name, digest: file.digest)
  }

  private func write(
    _ cache: ActivationCache, to name: String
  ) throws(InputError) -> FinishedBlock.ActivationFile {
    // No record speaks of a file of this name: what is there, a run that was cut off has left.
    try folder.remove { $0 == name }
    return .init(name: name, digest: try cache.write(to: folder.path + "/" + name))
  }

  private static func digest(_ tensor: Tensor) -> String {
    tensor.withUnsafeBytes { bytes in
      var sum = SHA256()
      sum.update(bytes)
      return sum.hexadecimal
    }
  }
}
