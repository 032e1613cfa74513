package import Foundation

/// A file that tensors are made of, which is none of a checkpoint's safetensors.
package protocol TensorFile: Sendable {
  var url: URL { get }

  /// Bytes of all its tensors.
  var tensorByteCount: Int { get }

  /// Whether the file has been written to since it was opened.
  var isChanged: Bool { get }

  /// Gives the memory of what was read back to the system.
  func releasePages()

  /// Reads all of it: each part in words, with the SHA-256 of its bytes. Numbers that are infinite or NaN are refused.
  ///
  /// - Parameter progress: Told how much is read, from 0 to 1. What it throws ends the reading.
  func fingerprint(
    progress: (Double) throws -> Void
  ) throws -> [(part: String, digest: String)]
}
