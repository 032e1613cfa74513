package import Diagnostics
package import Foundation
import Tensors

/// The folder `<output>.partial`, in which a run keeps what it has so far.
///
/// The checkpoint grows in a folder inside it and is renamed from there to its place; everything
/// else in it is scratch. It is locked, so that two runs cannot write the same output; the lock
/// ends with the process. What a run that was cut off has left is there for the next one.
package final class PartialFolder {
  /// Where the checkpoint is to be in the end.
  let location: OutputLocation
  /// The folder's path.
  package var path: String { location.partialPath }
  /// The folder in it that becomes the checkpoint.
  package var checkpointPath: String { path + "/checkpoint" }
  /// The name of the file in it that says what is finished.
  package static let journalName = "journal"
  /// The journal's path.
  package var journalPath: String { path + "/" + Self.journalName }
  /// Whether the contents outlive this object if they are not committed: true for what an earlier
  /// run has left, until it is cleared.
  package var isKept = true
  /// What the user should know of the folder; nil if there is nothing. A file system without locks is used
  /// without one.
  package private(set) var remark: String?
  /// The open and locked folder; negative before that and after the end.
  private(set) var lock: CInt = -1

  /// Takes the folder beside an output, for a checkpoint that is to appear there.
  ///
  /// - Parameters:
  ///   - output: The folder to create; the folder around it must exist.
  ///   - sources: Folders that are read meanwhile; none may be the output, or be in it or around it.
  ///   - overwrite: Whether a checkpoint that is at the output may be replaced.
  /// - Throws: `InputError` if the output cannot be written there, or is being written by another run.
  package convenience init(
    output: URL, sources: [URL], overwrite: Bool
  ) throws(InputError) {
    try self.init(OutputLocation(output, sources: sources, overwrite: overwrite))
  }

  /// Creates the folder, or takes over what an earlier run has left.
  init(_ location: OutputLocation) throws(InputError) {
    self.location = location
    do throws(InputError) {
      try location.checkReplaceable()
    } catch {
      removeIfCommitted()
      throw error
    }
    var isNew = false
    while lock < 0 {
      isNew = mkdir(path, 0o777) == 0
      try OutputFile.require(isNew || errno == EEXIST, path, "cannot be created")
      let descriptor = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)
      if descriptor < 0 && errno == ENOENT { continue }  // Its owner has just finished.
      try OutputFile.require(descriptor >= 0, path, "cannot be opened")
      if flock(descriptor, LOCK_EX | LOCK_NB) != 0 {
        guard errno != EWOULDBLOCK else {
          close(descriptor)
          throw InputError(
            .unwritable, source: path, "is in use: another run is writing this checkpoint")
        }
        remark =
          "\(path) cannot be locked (\(systemMessage(errno))): do not start another run with this output"
      }
      // Before the lock was taken, its owner may have removed the folder.
      let found = FileStatus(path: path, followingLinks: false)?.identity
      if found != nil && found == FileStatus(descriptor: descriptor)?.identity {
        lock = descriptor
      } else {
        close(descriptor)
      }
    }
    if isNew {
      isKept = false
    } else {
      try requireOwn()
      try finishCommit()
      // A checkpoint that was to be replaced may be back in its place.
      try location.checkReplaceable()
    }
  }

  deinit { discard() }

  /// Refuses a folder of this name that holds anything but what runs leave: all of it would be removed.
  private func requireOwn() throws(InputError) {
    let own = [Self.journalName, "checkpoint", "committing", "replaced"]
    let names = (try? FileManager.default.contentsOfDirectory(atPath: path)) ?? []
    guard
      let foreign = names.sorted().first(where: { name in
        !own.contains(name) && !["block-", "scratch-"].contains { name.hasPrefix($0) }
      })
    else { return }
    throw InputError(
      .unwritable, source: path,
      "holds \(quoted(foreign)), which no run has left there; move it, or choose another output")
  }

  /// Removes what a run has left that was cut off after it had put its checkpoint in place.
  private func removeIfCommitted() {
    let descriptor = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)
    guard descriptor >= 0 else { return }
    defer { close(descriptor) }
    guard flock(descriptor, LOCK_EX | LOCK_NB) == 0, isCommitted else { return }
    try? removeContents()
    rmdir(path)
  }

  /// Removes everything in the folder.
  package func clear() throws(InputError) {
    isKept = false
    try removeContents()
  }

  /// Removes the journal before all that it speaks of, so that no moment leaves one without the other.
  func removeContents() throws(InputError) {
    try remove { $0 == Self.journalName }
    try remove { _ in true }
  }

  /// Removes the files and folders directly in the folder, or in its folder `inside`, whose names
  /// are `unwanted`.
  package func remove(
    in inside: String? = nil, unwanted: (String) -> Bool
  ) throws(InputError) {
    let folder = inside.map { path + "/" + $0 } ?? path
    do {
      for name in try FileManager.default.contentsOfDirectory(atPath: folder) where unwanted(name) {
        try FileManager.default.removeItem(atPath: folder + "/" + name)
      }
    } catch {
      throw InputError(
        .unwritable, source: folder,
        "what an earlier run has left here cannot be removed: \(systemReason(error))")
    }
  }

  /// Bytes of all files in the folder.
  package var byteCount: Int {
    let names = (try? FileManager.default.subpathsOfDirectory(atPath: path)) ?? []
    return names.reduce(0) { sum, name in
      guard let status = FileStatus(path: path + "/" + name, followingLinks: false),
        status.isRegularFile
      else { return sum }
      return sum + status.byteCount
    }
  }

  /// Checks that the disk has room for `byteCount` more bytes.
  package func requireSpace(_ byteCount: Int) throws(InputError) {
    guard let free = OutputFile.freeByteCount(path), free < byteCount else { return }
    throw InputError(
      .unwritable, source: location.path,
      "takes \(byteCount) bytes, but only \(free) are free on its disk")
  }

  /// Lets go of the folder, and removes it with all that is in it unless it is kept.
  package func discard() {
    guard lock >= 0 else { return }
    if !isKept {
      try? removeContents()
      rmdir(path)
    }
    close(lock)
    lock = -1
  }
}
