import Checkpoints
import Checksums
import Compute
import Diagnostics
import Tensors

extension ActivationCache {
  /// The bytes of all samples, one after another.
  private var bytes: UnsafeRawBufferPointer {
    UnsafeRawBufferPointer(start: self[0], count: sampleCount * sampleByteCount)
  }

  private var digest: String {
    var sum = SHA256()
    sum.update(bytes)
    return sum.hexadecimal
  }

  /// Writes the samples to a new file and waits until it is on the disk.
  ///
  /// - Returns: The SHA-256 of the file.
  func write(to path: String) throws(InputError) -> String {
    let file = try OutputFile(creating: path, byteCount: bytes.count)
    try file.write(bytes, at: 0)
    try file.synchronize()
    return digest
  }

  /// Reads what ``write(to:)`` has written.
  ///
  /// - Throws: `malformed` if the file's size or digest is another.
  func read(from path: String, digest expected: String) throws(InputError) {
    let storage = try TensorStorage(mappingFileAt: path)
    guard storage.byteCount == bytes.count else {
      throw InputError(
        .malformed, source: path,
        "has \(storage.byteCount) bytes, expected \(bytes.count); begin anew with --restart")
    }
    self[0].copyMemory(from: storage.base, byteCount: storage.byteCount)
    guard digest == expected else {
      throw InputError(
        .malformed, source: path, "is not what was written there; begin anew with --restart")
    }
  }
}
