package import Diagnostics
import Foundation
package import Tensors

/// A file that is being written, at any place in any order.
///
/// Every error is an `InputError` of code `unwritable` that names the file, what was attempted and
/// the system's reason, such as a full disk.
package final class OutputFile {
  private let path: String
  private let descriptor: CInt

  /// Creates a file of `byteCount` zero bytes, for which room on the disk is taken at once where
  /// the file system can do that. What exists already is an error.
  ///
  /// - Parameter isNameless: Whether the file loses its name before it takes room, so that nothing of it
  ///   outlives the process.
  package init(
    creating path: String, byteCount: Int, isNameless: Bool = false
  ) throws(InputError) {
    self.path = path
    descriptor = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0o666)
    try Self.require(descriptor >= 0, path, "cannot be created")
    if isNameless { unlink(path) }
    guard byteCount > 0 else { return }
    #if canImport(Glibc)
      let code = posix_fallocate(descriptor, 0, off_t(byteCount))
    #else
      let code = ftruncate(descriptor, off_t(byteCount)) == 0 ? 0 : errno
    #endif
    guard code == 0 else {
      throw Self.failure(path, "cannot be made \(byteCount) bytes long", code)
    }
  }

  /// Opens a file that exists.
  package init(opening path: String) throws(InputError) {
    self.path = path
    descriptor = open(path, O_WRONLY | O_CLOEXEC)
    try Self.require(descriptor >= 0, path, "cannot be opened")
  }

  deinit {
    if descriptor >= 0 { close(descriptor) }
  }

  /// Writes all of `bytes` at a place counted from the file's start.
  package func write(_ bytes: UnsafeRawBufferPointer, at offset: Int) throws(InputError) {
    try Self.write(bytes, to: descriptor, of: path, at: offset)
  }

  /// Writes all of `bytes` to an open file at a place counted from its start.
  package static func write(
    _ bytes: UnsafeRawBufferPointer, to descriptor: CInt, of path: String, at offset: Int
  ) throws(InputError) {
    var done = 0
    while done < bytes.count {
      // The system writes less than 2 GiB at once in any case.
      let part = UnsafeRawBufferPointer(rebasing: bytes[done..<min(bytes.count, done + 1 << 30)])
      let written = pwrite(descriptor, part.baseAddress, part.count, off_t(offset + done))
      if written < 0 && errno == EINTR { continue }
      guard written > 0 else {
        throw failure(
          path, "cannot take \(bytes.count) bytes at byte \(offset)", written < 0 ? errno : ENOSPC)
      }
      done += written
    }
  }

  /// Writes all of `bytes` at a place counted from the file's start.
  package func write(_ bytes: [UInt8], at offset: Int) throws(InputError) {
    let outcome = bytes.withUnsafeBytes { bytes in
      Result { () throws(InputError) in try write(bytes, at: offset) }
    }
    try outcome.get()
  }

  /// Writes the elements of a tensor at a place counted from the file's start.
  ///
  /// Those of a mapped file are read piece by piece, and do not stay in memory.
  package func write(_ tensor: Tensor, at offset: Int) throws(InputError) {
    let rows = tensor.shape.first ?? 1
    let rowByteCount = rows > 0 ? tensor.byteCount / rows : 0
    guard rowByteCount > 0 else { return }
    let pieces = RowPieces.ranges(of: rows, rowSize: rowByteCount, limit: Self.pieceByteCount)
    for range in pieces {
      let part = tensor.shape.isEmpty ? tensor : tensor.slice(range)
      let start = offset + range.lowerBound * rowByteCount
      let outcome = part.withUnsafeBytes { bytes in
        Result { () throws(InputError) in try write(bytes, at: start) }
      }
      part.releasePages()
      beginSynchronizing(part.byteCount, at: start)
      try outcome.get()
    }
  }

  /// Lets the disk take what is written while the run goes on, so that ``synchronize()`` has less to wait
  /// for.
  private func beginSynchronizing(_ byteCount: Int, at offset: Int) {
    #if canImport(Glibc)
      // Pages that must be written first are not let go of: the advice only starts to write them.
      posix_fadvise(descriptor, off_t(offset), off_t(byteCount), POSIX_FADV_DONTNEED)
    #endif
  }

  /// Bytes of a tensor that are read at once.
  package static let pieceByteCount = 32 << 20

  /// Maps the file's first bytes as memory that can be written; the caller unmaps it.
  func mapWritable(_ byteCount: Int) throws(InputError) -> UnsafeMutableRawPointer {
    guard
      let base = mmap(nil, byteCount, PROT_READ | PROT_WRITE, MAP_SHARED, descriptor, 0),
      base != MAP_FAILED
    else { throw Self.failure(path, "\(byteCount) bytes cannot be mapped", errno) }
    return base
  }

  /// Waits until the file is on the disk, whatever happens to the machine then.
  package func synchronize() throws(InputError) {
    guard fsync(descriptor) == 0 else {
      let code = errno
      let byteCount = FileStatus(descriptor: descriptor)?.byteCount ?? 0
      throw Self.failure(path, "its \(byteCount) bytes cannot be brought to the disk", code)
    }
    #if canImport(Glibc)
      // The system need not keep in memory what this run will not read.
      posix_fadvise(descriptor, 0, 0, POSIX_FADV_DONTNEED)
    #endif
  }

  /// Waits until the names in a folder are on the disk.
  package static func synchronizeFolder(_ path: String) throws(InputError) {
    let descriptor = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
    try require(descriptor >= 0, path, "cannot be opened")
    defer { close(descriptor) }
    // Some file systems have no such operation for folders and say so with EINVAL.
    try require(
      fsync(descriptor) == 0 || errno == EINVAL, path, "cannot be brought to the disk")
  }

  /// Throws ``failure(_:_:_:)`` of the system's last error unless a call has succeeded.
  package static func require(
    _ succeeded: Bool, _ path: String, _ what: String
  ) throws(InputError) {
    if !succeeded { throw failure(path, what, errno) }
  }

  /// An error about a path that cannot be written.
  package static func failure(_ path: String, _ what: String, _ code: CInt) -> InputError {
    var message = "\(what): \(systemMessage(code))"
    if code == ENOSPC || code == EDQUOT, let free = freeByteCount(path) {
      message += "; \(free) bytes are free on its disk"
    }
    return InputError(.unwritable, source: path, message)
  }

  /// Bytes that are free on the disk of a path, or of the folder that it is to be in; nil if its file
  /// system does not know.
  package static func freeByteCount(_ path: String) -> Int? {
    for place in [path, OutputLocation.parent(of: path)] {
      var status = statvfs()
      guard statvfs(place, &status) == 0, status.f_blocks > 0 else { continue }
      let (free, overflows) = UInt64(status.f_bavail)
        .multipliedReportingOverflow(by: UInt64(status.f_frsize))
      return overflows ? nil : Int(clamping: free)
    }
    return nil
  }
}
