import Checkpoints
import Diagnostics
import Foundation

/// The lock of a blob, as the hub's client takes it: of several processes that download one file, all but the first
/// wait until it has it.
final class BlobLock: Sendable {
  private let descriptor: CInt

  /// Waits for the lock, which is held as long as this object.
  ///
  /// - Throws: `CancellationError` if the task is cancelled; `InputError` if there can be no such file.
  init(_ path: String) async throws {
    descriptor = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0o664)
    try OutputFile.require(descriptor >= 0, path, "cannot be opened")
    while flock(descriptor, LOCK_EX | LOCK_NB) != 0 {
      try OutputFile.require(errno == EWOULDBLOCK || errno == EINTR, path, "cannot be locked")
      try await Task.sleep(for: .milliseconds(100))
    }
  }

  deinit {
    if descriptor >= 0 { close(descriptor) }
  }
}
