public import Diagnostics
public import Foundation
public import Tensors

/// Writes a checkpoint folder that appears at its place only when it is complete.
///
/// Until ``finish()``, everything is in a folder `<output>.partial` beside it; if that is never
/// called, nothing remains. Tensors are announced first and written in any order, each straight to
/// its place, so that no more than one has to be in memory.
///
/// Whatever cannot be written (a read-only place, a full disk) is an `InputError` of code
/// `unwritable` that names the path and the number of bytes.
public final class CheckpointWriter {
  /// Which tensor goes where.
  public let plan: CheckpointPlan

  private struct Slot {
    let info: TensorInfo
    let file: String
    let offset: Int
    var isWritten = false
  }

  private let folder: PartialFolder
  private var slots: [String: Slot] = [:]
  private var files: [String] = []
  private var isFinished = false

  /// Starts a checkpoint: lays out its tensors and takes the room for them.
  ///
  /// - Parameters:
  ///   - output: The folder to create; the folder around it must exist.
  ///   - tensors: All tensors that will be written. They fill shards in this order.
  ///   - sources: Folders that are read meanwhile; none may be the output, or be in it or around it.
  ///   - overwrite: Whether a checkpoint that is at the output may be replaced.
  ///   - maximumShardByteCount: Most bytes of elements in one file, unless one tensor has more.
  /// - Throws: `InputError` if the output cannot be written there, is being written by another run,
  ///   or would not fit on the disk, or if the tensors' names are not unique.
  public init(
    output: URL, tensors: [TensorInfo], sources: [URL], overwrite: Bool,
    maximumShardByteCount: Int = 5_000_000_000
  ) throws(InputError) {
    plan = try CheckpointPlan(tensors, maximumShardByteCount: maximumShardByteCount)
    folder = try PartialFolder(
      OutputLocation(output, sources: sources, overwrite: overwrite))
    try folder.requireSpace(plan.byteCount)
    for shard in plan.shards {
      let file = try create(shard.fileName, byteCount: shard.byteCount)
      try file.write(shard.encodedHeader, at: 0)
      for entry in shard.header.entries {
        slots[entry.info.name] = Slot(
          info: entry.info, file: shard.fileName,
          offset: shard.encodedHeader.count + entry.offsets.lowerBound)
      }
    }
    if let index = plan.index { try write(index.text, toFile: ShardIndex.fileName) }
  }

  /// Bytes of all tensors.
  public var tensorByteCount: Int { plan.tensorByteCount }

  /// Writes one of the announced tensors to its place.
  ///
  /// - Throws: `InputError` of code `invalidValue` if no such tensor was announced, if it was
  ///   written before, or if its type or shape is another; of code `unwritable` if it fails.
  public func write(_ tensor: Tensor, named name: String) throws(InputError) {
    precondition(!isFinished, "the checkpoint is finished")
    func failure(_ message: String) -> InputError {
      InputError(
        .invalidValue, source: folder.location.path, place: place(ofTensor: name), message)
    }
    guard let slot = slots[name] else { throw failure("is not among the tensors to write") }
    guard !slot.isWritten else { throw failure("was written before") }
    guard tensor.dtype == slot.info.dtype, tensor.shape == slot.info.shape else {
      throw failure(
        "is \(tensor.dtype.rawValue) \(tensor.shape), expected \(slot.info.dtype.rawValue) "
          + "\(slot.info.shape)")
    }
    try OutputFile(opening: path(of: slot.file)).write(tensor, at: slot.offset)
    slots[name]?.isWritten = true
  }

  /// Writes a text file, such as `config.json`.
  ///
  /// - Throws: `InputError` of code `invalidValue` if `name` is not the plain name of a file, of
  ///   code `unwritable` if there is one of this name, or if writing fails.
  public func write(_ text: String, toFile name: String) throws(InputError) {
    try write(Array(text.utf8), toFile: name)
  }

  /// Writes a file. See ``write(_:toFile:)-(String,_)``.
  public func write(_ bytes: [UInt8], toFile name: String) throws(InputError) {
    precondition(!isFinished, "the checkpoint is finished")
    guard isPlainFileName(name) else {
      throw InputError(
        .invalidValue, source: folder.location.path, "\(quoted(name)) is not the name of a file")
    }
    try write(bytes, toPath: name)
  }

  /// Copies a file under its own name, or a folder with the files in it, but not with folders.
  ///
  /// - Throws: `InputError` of code `unreadable` or `unwritable`.
  public func copyFile(_ source: URL) throws(InputError) {
    precondition(!isFinished, "the checkpoint is finished")
    let name = source.lastPathComponent
    guard FileStatus(path: source.path)?.isFolder == true else {
      return try write(readFile(source.path), toFile: name)
    }
    let names: [String]
    do {
      names = try FileManager.default.contentsOfDirectory(atPath: source.path).sorted()
      try FileManager.default.createDirectory(
        atPath: path(of: name), withIntermediateDirectories: false)
    } catch {
      throw InputError(
        .unwritable, source: path(of: name), "cannot be copied: \(error.localizedDescription)")
    }
    for inner in names {
      let file = source.appending(path: inner).path
      guard FileStatus(path: file)?.isRegularFile == true else { continue }
      try write(readFile(file), toPath: "\(name)/\(inner)")
    }
  }

  /// Completes the checkpoint: waits until every file is on the disk, and renames the folder into
  /// its place.
  ///
  /// - Throws: `InputError` of code `missing` naming tensors that were not written; of code
  ///   `unwritable` if the files cannot be brought to the disk or into place.
  public func finish() throws(InputError) {
    precondition(!isFinished, "the checkpoint is finished")
    let missing = slots.values.filter { !$0.isWritten }.map(\.info.name).sorted()
    guard missing.isEmpty else {
      let names = missing.prefix(5).map(quoted).joined(separator: ", ")
      throw InputError(
        .missing, source: folder.location.path,
        "\(missing.count) of \(slots.count) tensors were not written: \(names)"
          + (missing.count > 5 ? ", …" : ""))
    }
    for file in files { try OutputFile(opening: path(of: file)).synchronize() }
    try folder.commit()
    isFinished = true
  }

  /// Gives up: removes everything that was written. Does nothing after ``finish()``.
  public func discard() {
    isFinished = true
    folder.discard()
  }

  private func path(of file: String) -> String { folder.path + "/" + file }

  private func create(_ file: String, byteCount: Int) throws(InputError) -> OutputFile {
    files.append(file)
    return try OutputFile(creating: path(of: file), byteCount: byteCount)
  }

  private func write(_ bytes: [UInt8], toPath file: String) throws(InputError) {
    try create(file, byteCount: bytes.count).write(bytes, at: 0)
  }
}
