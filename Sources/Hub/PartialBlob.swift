import Checkpoints
import Checksums
import Diagnostics
import Foundation
import Synchronization
import Tensors

/// A blob that is being downloaded: `<digest>.incomplete`, what of it is there, and the digest of that.
///
/// Whoever uses it holds the blob's lock.
final class PartialBlob: Sendable {
  private struct State {
    var byteCount = 0
    var sum: any Checksum

    init(of file: RemoteFile) {
      sum =
        switch file.digest {
        case .sha256: SHA256()
        case .git: SHA1(gitBlobOf: file.byteCount)
        }
    }
  }

  private let file: RemoteFile
  /// What errors about the file call it.
  private let name: String
  private let path: String
  private let target: String
  private let descriptor: CInt
  private let state: Mutex<State>
  /// Bytes that an earlier download had left.
  let inheritedByteCount: Int

  /// Opens what an earlier download has left, or begins anew.
  init(_ file: RemoteFile, called name: String, target: String) throws(InputError) {
    (self.file, self.name) = (file, name)
    self.target = target
    path = target + ".incomplete"
    descriptor = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0o666)
    try OutputFile.require(descriptor >= 0, path, "cannot be opened")
    var state = State(of: file)
    let status = FileStatus(descriptor: descriptor)
    if let size = status?.byteCount, status?.isRegularFile == true, size <= file.byteCount {
      do {
        try Self.read(descriptor, path, size) { state.sum.update($0) }
      } catch {
        close(descriptor)
        throw error
      }
      state.byteCount = size
    }
    inheritedByteCount = state.byteCount
    self.state = Mutex(state)
    // What is longer than the file is none of it.
    if inheritedByteCount == 0 { try restart() }
  }

  deinit {
    if descriptor >= 0 { close(descriptor) }
  }

  /// Bytes that are there.
  var byteCount: Int { state.withLock(\.byteCount) }

  var isComplete: Bool { byteCount == file.byteCount }

  /// Forgets what is there.
  func restart() throws(InputError) {
    try OutputFile.require(ftruncate(descriptor, 0) == 0, path, "cannot be emptied")
    state.withLock { $0 = State(of: file) }
  }

  /// Adds bytes.
  ///
  /// - Throws: `InputError` of code `malformed` if that is more than the file has, or `unwritable` with the system's
  ///   reason.
  func append(_ bytes: UnsafeRawBufferPointer) throws {
    try state.withLock { state in
      guard bytes.count <= file.byteCount - state.byteCount else {
        throw InputError(
          .malformed, source: name,
          "the hub sends more than the \(file.byteCount) bytes that it announced")
      }
      try OutputFile.write(bytes, to: descriptor, of: path, at: state.byteCount)
      state.sum.update(bytes)
      state.byteCount += bytes.count
    }
  }

  /// Whether the bytes, all of them, are those that were asked for.
  var isIntact: Bool {
    isComplete && state.withLock { $0.sum.hexadecimal } == file.digest.text
  }

  /// Makes the blob of it.
  func finish() throws(InputError) {
    try OutputFile.require(fsync(descriptor) == 0, path, "cannot be brought to the disk")
    try OutputFile.require(rename(path, target) == 0, target, "cannot be made")
  }

  /// Takes it away.
  func remove() { unlink(path) }

  private static func read(
    _ descriptor: CInt, _ path: String, _ byteCount: Int, _ body: (UnsafeRawBufferPointer) -> Void
  ) throws(InputError) {
    var buffer = [UInt8](repeating: 0, count: min(byteCount, 1 << 20))
    var done = 0
    while done < byteCount {
      let wanted = min(buffer.count, byteCount - done)
      let count = pread(descriptor, &buffer, wanted, off_t(done))
      if count < 0, errno == EINTR { continue }
      guard count > 0 else {
        throw InputError(
          .unreadable, source: path,
          "cannot be read: \(count < 0 ? systemMessage(errno) : "it was shortened")")
      }
      buffer.withUnsafeBytes { body(UnsafeRawBufferPointer(rebasing: $0.prefix(count))) }
      done += count
    }
  }
}
