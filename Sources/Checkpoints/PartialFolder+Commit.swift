package import Diagnostics
import Foundation
import Tensors

/// Putting the checkpoint in its place, so that a process which ends at any moment leaves either the old
/// checkpoint or the new one under the final name, and enough for the next run to know which.
///
/// Before the first rename, a file tells by its number on the disk which folder is the new checkpoint.
/// As long as that folder is still in the partial folder, nothing has happened; afterwards all that is
/// left in there is scratch, or the checkpoint that was replaced.
extension PartialFolder {
  private var markerPath: String { path + "/committing" }
  /// Where a replaced checkpoint is for a moment if two folders cannot change places in one step.
  private var replacedPath: String { path + "/replaced" }

  /// Renames the checkpoint into place and removes everything else, a checkpoint that is replaced among it.
  package func commit() throws(InputError) {
    precondition(lock >= 0, "the folder was committed or discarded before")
    try OutputFile.synchronizeFolder(checkpointPath)
    let replaces = try location.checkReplaceable()
    try writeMarker()
    try putInPlace(replaces: replaces)
    isKept = false
    try OutputFile.synchronizeFolder(location.parentPath)
    discard()
    guard FileStatus(path: path, followingLinks: false) == nil else {
      throw InputError(
        .unwritable, source: path,
        "the checkpoint is complete, but what is left here cannot be removed")
    }
  }

  /// Whether an earlier run ended after it had put its checkpoint in place.
  var isCommitted: Bool {
    guard let marker = try? readFile(markerPath) else { return false }
    guard let status = FileStatus(path: checkpointPath, followingLinks: false) else { return true }
    return marker != Self.marker(of: status)
  }

  /// Does what an earlier run could not do that ended while it put its checkpoint in place.
  func finishCommit() throws(InputError) {
    if isCommitted { return try removeContents() }
    // Nothing is lost of what was to be replaced.
    if FileStatus(path: replacedPath, followingLinks: false) != nil,
      FileStatus(path: location.path, followingLinks: false) == nil
    {
      try OutputFile.require(
        rename(replacedPath, location.path) == 0, location.path,
        "cannot be put back in its place")
    }
    try remove { $0 == "committing" }
  }

  private static func marker(of status: FileStatus) -> [UInt8] {
    Array("\(status.identity.device) \(status.identity.inode)\n".utf8)
  }

  private func writeMarker() throws(InputError) {
    guard let status = FileStatus(path: checkpointPath, followingLinks: false) else {
      throw InputError(.unwritable, source: checkpointPath, "is gone")
    }
    // One that is there, a commit that failed has left.
    unlink(markerPath)
    let marker = Self.marker(of: status)
    let file = try OutputFile(creating: markerPath, byteCount: marker.count)
    try file.write(marker, at: 0)
    try file.synchronize()
    try OutputFile.synchronizeFolder(path)
  }

  private func putInPlace(replaces: Bool) throws(InputError) {
    let what = "cannot be put in place"
    guard replaces else {
      return try OutputFile.require(
        rename(checkpointPath, location.path) == 0, location.path, what)
    }
    let code = Self.exchange(checkpointPath, location.path)
    guard code != 0 else { return }
    guard [ENOSYS, EINVAL, ENOTSUP].contains(code) else {
      throw OutputFile.failure(location.path, what, code)
    }
    try OutputFile.require(
      rename(location.path, replacedPath) == 0, location.path, "cannot be moved aside")
    guard rename(checkpointPath, location.path) == 0 else {
      let code = errno
      rename(replacedPath, location.path)
      throw OutputFile.failure(location.path, what, code)
    }
  }

  /// Lets two folders change places in one step; returns 0, or the number of the error.
  private static func exchange(_ a: String, _ b: String) -> CInt {
    #if canImport(Glibc)
      // Swift's view of the C library has it not.
      typealias Rename =
        @convention(c) (CInt, UnsafePointer<CChar>, CInt, UnsafePointer<CChar>, CUnsignedInt)
        -> CInt
      guard let symbol = dlsym(nil, "renameat2") else { return ENOSYS }
      let rename = unsafeBitCast(symbol, to: Rename.self)
      let exchange: CUnsignedInt = 1 << 1  // RENAME_EXCHANGE
      return rename(AT_FDCWD, a, AT_FDCWD, b, exchange) == 0 ? 0 : errno
    #else
      return renamex_np(a, b, UInt32(RENAME_SWAP)) == 0 ? 0 : errno
    #endif
  }
}
