import Diagnostics
import Foundation

#if canImport(Glibc)
  import Glibc
#else
  import Darwin
#endif

/// The folder `<output>.partial`, in which a checkpoint grows until it is complete.
///
/// It is locked, so that two runs cannot write the same output; the lock ends with the process,
/// and what a run that was cut off has left is replaced by the next one.
final class PartialFolder {
  /// Where the checkpoint is to be in the end.
  let location: OutputLocation
  /// The folder's path.
  var path: String { location.partialPath }
  /// The open and locked folder; negative before that and after the end.
  private var lock: CInt = -1

  /// Creates the folder, or takes over and empties what an earlier run has left.
  init(_ location: OutputLocation) throws(InputError) {
    self.location = location
    while lock < 0 {
      guard mkdir(path, 0o777) == 0 || errno == EEXIST else {
        throw OutputFile.failure(path, "cannot be created", errno)
      }
      let descriptor = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)
      if descriptor < 0 && errno == ENOENT { continue }  // Its owner has just finished.
      guard descriptor >= 0 else { throw OutputFile.failure(path, "cannot be opened", errno) }
      // A file system without locks says so with other errors; it is used without one.
      if flock(descriptor, LOCK_EX | LOCK_NB) != 0 && errno == EWOULDBLOCK {
        close(descriptor)
        throw InputError(
          .unwritable, source: path, "is in use: another run is writing this checkpoint")
      }
      // Before the lock was taken, the folder may have been renamed into place.
      let found = FileStatus(path: path, followingLinks: false)?.identity
      if found != nil && found == FileStatus(descriptor: descriptor)?.identity {
        lock = descriptor
      } else {
        close(descriptor)
      }
    }
    do {
      for name in try FileManager.default.contentsOfDirectory(atPath: path) {
        try FileManager.default.removeItem(atPath: path + "/" + name)
      }
    } catch {
      throw InputError(
        .unwritable, source: path,
        "what an earlier run has left here cannot be removed: \(error.localizedDescription)")
    }
  }

  deinit { discard() }

  /// Checks that the disk has room for `byteCount` more bytes.
  func requireSpace(_ byteCount: Int) throws(InputError) {
    var status = statvfs()
    // Some file systems do not know their size.
    guard statvfs(path, &status) == 0, status.f_blocks > 0 else { return }
    let (free, overflows) = UInt64(status.f_bavail)
      .multipliedReportingOverflow(by: UInt64(status.f_frsize))
    if !overflows && free < byteCount {
      throw InputError(
        .unwritable, source: location.path,
        "takes \(byteCount) bytes, but only \(free) are free on its disk")
    }
  }

  /// Renames the folder into place.
  ///
  /// A checkpoint that is replaced is moved aside before, moved back if that fails, and removed
  /// when the new one is in place.
  func commit() throws(InputError) {
    precondition(lock >= 0, "the folder was committed or discarded before")
    try OutputFile.synchronizeFolder(path)
    let replaces = try location.checkReplaceable()
    if replaces && rename(location.path, location.replacedPath) != 0 {
      throw OutputFile.failure(location.path, "cannot be moved aside", errno)
    }
    guard rename(path, location.path) == 0 else {
      let code = errno
      if replaces { rename(location.replacedPath, location.path) }
      throw OutputFile.failure(location.path, "cannot be put in place", code)
    }
    close(lock)
    lock = -1
    try OutputFile.synchronizeFolder(location.parentPath)
    guard replaces else { return }
    do {
      try FileManager.default.removeItem(atPath: location.replacedPath)
    } catch {
      throw InputError(
        .unwritable, source: location.replacedPath,
        "the new checkpoint is complete, but the replaced one cannot be removed: "
          + error.localizedDescription)
    }
  }

  /// Removes the folder with all that is in it, unless it was committed.
  func discard() {
    guard lock >= 0 else { return }
    try? FileManager.default.removeItem(atPath: path)
    close(lock)
    lock = -1
  }
}
