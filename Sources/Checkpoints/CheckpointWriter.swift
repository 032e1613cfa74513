public import Diagnostics
public import Foundation
public import Tensors

/// Writes a checkpoint folder that appears at its place only when it is complete.
///
/// Until ``finish()``, everything is in a folder `<output>.partial` beside it; if that is never
/// called, nothing remains unless the folder is kept. Tensors are announced first and written in any order, each straight to
/// its place, so that no more than one has to be in memory.
///
/// Whatever cannot be written (a read-only place, a full disk) is an `InputError` of code
/// `unwritable` that names the path and the number of bytes.
public final class CheckpointWriter {
  /// Which tensor goes where.
  public let plan: CheckpointPlan

  private let folder: PartialFolder
  /// The folder in the folder's checkpoint that the files are in; nil for the checkpoint itself.
  private let subfolder: String?
  private var slots: [String: TensorSlot] = [:]
  private var files: [String] = []
  /// The file that a tensor was written to last: the next one mostly follows it.
  private var current: (name: String, file: OutputFile)?
  private var isFinished = false

  /// Starts a checkpoint: lays out its tensors and takes the room for them.
  ///
  /// - Parameters:
  ///   - output: The folder to create; the folder around it must exist.
  ///   - tensors: All tensors that will be written. They fill shards in this order.
  ///   - sources: Folders that are read meanwhile; none may be the output, or be in it or around it.
  ///   - overwrite: Whether a checkpoint that is at the output may be replaced.
  ///   - shardByteCountLimit: Most bytes of elements in one file, unless one tensor has more.
  /// - Throws: `InputError` if the output cannot be written there, is being written by another run,
  ///   or would not fit on the disk, or if the tensors' names are not unique.
  public convenience init(
    output: URL, tensors: [TensorInfo], sources: [URL], overwrite: Bool,
    shardByteCountLimit: Int = CheckpointPlan.usualShardByteCountLimit
  ) throws(InputError) {
    let plan = try CheckpointPlan(tensors, shardByteCountLimit: shardByteCountLimit)
    let folder = try PartialFolder(output: output, sources: sources, overwrite: overwrite)
    try folder.clear()
    try self.init(plan, in: folder)
  }

  /// Starts a checkpoint in a folder that holds nothing of one, or goes on with one that is begun.
  ///
  /// - Parameters:
  ///   - folder: The folder that is beside the output.
  ///   - subfolder: The folder to create in the output where that holds several checkpoints.
  ///   - finished: The tensors that an earlier writer with the same plan has brought to the disk;
  ///     nil to start anew. All else that it wrote is written again.
  /// - Throws: `InputError` of code `unwritable` if there is no room; of code `malformed` if the
  ///   files of the earlier writer are not those of the plan.
  package init(
    _ plan: CheckpointPlan, in folder: PartialFolder, at subfolder: String? = nil,
    finished: Set<String>? = nil
  ) throws(InputError) {
    self.plan = plan
    self.folder = folder
    self.subfolder = subfolder
    if finished == nil {
      try folder.requireSpace(plan.byteCount)
      let isFirst = mkdir(folder.checkpointPath, 0o777) == 0
      // Beside others it is not the first one.
      let isThere = isFirst || subfolder != nil && errno == EEXIST
      try OutputFile.require(isThere, folder.checkpointPath, "cannot be created")
      if subfolder != nil {
        try OutputFile.require(mkdir(root, 0o777) == 0, root, "cannot be created")
      }
    } else {
      let shards = Set(plan.shards.map(\.fileName))
      try folder.remove(in: subfolder.map { "checkpoint/" + $0 } ?? "checkpoint") {
        !shards.contains($0)
      }
    }
    for shard in plan.shards {
      if finished == nil {
        let file = try create(shard.fileName, byteCount: shard.byteCount)
        try file.write(shard.encodedHeader, at: 0)
        try file.synchronize()
      } else {
        try requireBegun(shard)
        files.append(shard.fileName)
      }
      for entry in shard.entries {
        slots[entry.info.name] = TensorSlot(
          info: entry.info, file: shard.fileName, offset: entry.byteRange.lowerBound)
      }
    }
    for place in (finished ?? []).map(place) {
      guard let slot = slots[place.tensor], place.isIn(slot.info) else { continue }
      slots[place.tensor]?.note(slot.range(place.index))
    }
    if let index = plan.index { try write(index.text, toFile: ShardIndex.fileName) }
    try OutputFile.synchronizeFolder(root)
  }

  /// Checks that a file that an earlier writer began is the one that the plan has.
  private func requireBegun(_ shard: CheckpointPlan.Shard) throws(InputError) {
    let storage = try TensorStorage(mappingFileAt: path(of: shard.fileName))
    let header = shard.encodedHeader
    guard storage.byteCount == shard.byteCount, storage.bytes(in: 0..<header.count) == header else {
      throw InputError(
        .malformed, source: path(of: shard.fileName), "is not the file that was begun here")
    }
  }

  /// Bytes of all tensors.
  public var tensorByteCount: Int { plan.tensorByteCount }

  /// Writes one of the announced tensors to its place.
  ///
  /// - Throws: `InputError` of code `invalidValue` if no such tensor was announced, if it was
  ///   written before, or if its type or shape is another; of code `unwritable` if it fails.
  public func write(_ tensor: Tensor, named name: String) throws(InputError) {
    try write(tensor, at: TensorPlace(tensor: name))
  }

  /// Writes one of the announced tensors, or a slice of one, to its place. Throws what ``write(_:named:)`` throws.
  package func write(_ tensor: Tensor, at place: TensorPlace) throws(InputError) {
    guard let slot = slots[place.tensor], place.isIn(slot.info) else {
      throw failure(place.tensor, "is not among the tensors to write")
    }
    let slice = Array(slot.info.shape.dropFirst())
    try write(
      tensor, as: place.index == nil ? slot.info.shape : slice, at: slot.range(place.index),
      in: slot)
  }

  /// Writes some rows of one of the announced tensors: the elements along its last dimension are a row, and rows are
  /// counted over all others. Throws what ``write(_:named:)`` throws.
  ///
  /// - Parameter rows: A matrix.
  package func write(
    _ rows: Tensor, fromRow row: Int, of name: String
  ) throws(InputError) {
    precondition(row >= 0 && rows.shape.count == 2)
    let columns = slots[name]?.info.shape.last ?? 1
    let start = row * columns * rows.dtype.byteCount
    guard let slot = slots[name], start + rows.byteCount <= slot.info.byteCount else {
      throw failure(name, "is not among the tensors to write")
    }
    try write(rows, as: [rows.shape[0], columns], at: start..<start + rows.byteCount, in: slot)
  }

  private func failure(_ name: String, _ message: String) -> InputError {
    InputError(
      .invalidValue, source: folder.location.path, place: Checkpoints.place(ofTensor: name),
      message)
  }

  /// Writes a part of a tensor, which must have a shape, to its place among the tensor's bytes.
  private func write(
    _ tensor: Tensor, as shape: [Int], at range: Range<Int>, in slot: TensorSlot
  ) throws(InputError) {
    precondition(!isFinished, "the checkpoint is finished")
    guard slot.isFree(range) else { throw failure(slot.info.name, "was written before") }
    guard tensor.dtype == slot.info.dtype, tensor.shape == shape else {
      throw failure(
        slot.info.name,
        "is \(tensor.dtype.rawValue) \(tensor.shape), expected \(slot.info.dtype.rawValue) \(shape)"
      )
    }
    if current?.name != slot.file {
      current = (slot.file, try OutputFile(opening: path(of: slot.file)))
    }
    try current?.file.write(tensor, at: slot.offset + range.lowerBound)
    slots[slot.info.name]?.note(range)
  }

  /// Waits until these tensors are on the disk.
  package func synchronize(_ names: some Sequence<String>) throws(InputError) {
    for file in Set(names.compactMap { slots[place(of: $0).tensor]?.file }).sorted() {
      try OutputFile(opening: path(of: file)).synchronize()
    }
  }

  /// A tensor that was written, or a slice of one as journals call it, read back.
  package func written(_ name: String) throws(InputError) -> Tensor {
    let place = place(of: name)
    guard let slot = slots[place.tensor], place.isIn(slot.info), slot.has(slot.range(place.index))
    else {
      throw InputError(
        .missing, source: folder.path, place: Checkpoints.place(ofTensor: name), "is not written")
    }
    let storage = try TensorStorage(mappingFileAt: path(of: slot.file))
    guard storage.byteCount - slot.offset >= slot.info.byteCount else {
      throw InputError(
        .malformed, source: path(of: slot.file), "is shorter than it was made")
    }
    let tensor = Tensor(
      dtype: slot.info.dtype, shape: slot.info.shape, storage: storage, byteOffset: slot.offset)
    return place.slice(of: tensor)
  }

  /// The place that a journal calls so.
  private func place(of name: String) -> TensorPlace {
    (slots[name] == nil ? TensorPlace(slice: name) : nil) ?? TensorPlace(tensor: name)
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
        .unwritable, source: path(of: name), "cannot be copied: \(systemReason(error))")
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
    try complete()
    try folder.commit()
    isFinished = true
  }

  /// Waits until every file is on the disk, and leaves the folder where it is: others in it may not be complete.
  ///
  /// Throws what ``finish()`` throws.
  package func complete() throws(InputError) {
    precondition(!isFinished, "the checkpoint is finished")
    let missing = slots.values.filter { !$0.isWritten }.map(\.info.name).sorted()
    guard missing.isEmpty else {
      let names = missing.prefix(5).map(quoted).joined(separator: ", ")
      throw InputError(
        .missing, source: folder.location.path,
        "\(missing.count) of \(slots.count) tensors were not written: \(names)"
          + (missing.count > 5 ? ", …" : ""))
    }
    current = nil
    for file in files { try OutputFile(opening: path(of: file)).synchronize() }
    try OutputFile.synchronizeFolder(root)
  }

  /// Gives up: removes everything that was written, unless the folder is kept. Does nothing after
  /// ``finish()``.
  public func discard() {
    current = nil
    isFinished = true
    folder.discard()
  }

  /// Where the files are until the output is in its place.
  package var root: String {
    subfolder.map { folder.checkpointPath + "/" + $0 } ?? folder.checkpointPath
  }

  private func path(of file: String) -> String { root + "/" + file }

  private func create(_ file: String, byteCount: Int) throws(InputError) -> OutputFile {
    files.append(file)
    return try OutputFile(creating: path(of: file), byteCount: byteCount)
  }

  private func write(_ bytes: [UInt8], toPath file: String) throws(InputError) {
    try create(file, byteCount: bytes.count).write(bytes, at: 0)
  }
}
