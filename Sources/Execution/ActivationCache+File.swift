import Checkpoints
import Checksums
import Compute
package import Diagnostics
import Tensors

extension ActivationCache {
  /// Writes the samples, one after another, to a new file and waits until it is on the disk.
  ///
  /// - Returns: The SHA-256 of the file.
  package func write(to path: String) throws(InputError) -> String {
    let file = try OutputFile(creating: path, byteCount: sampleCount * sampleByteCount)
    var sum = SHA256()
    for sample in 0..<sampleCount {
      try self[sample].withHostMemory(byteCount: sampleByteCount) { start throws(InputError) in
        let bytes = UnsafeRawBufferPointer(start: start, count: sampleByteCount)
        sum.update(bytes)
        try file.write(bytes, at: sample * sampleByteCount)
      }
    }
    try file.synchronize()
    return sum.hexadecimal
  }

  /// Reads what ``write(to:)`` has written.
  ///
  /// - Throws: `malformed` if the file's size or digest is another.
  package func read(from path: String, digest expected: String) throws(InputError) {
    let storage = try TensorStorage(mappingFileAt: path)
    guard storage.byteCount == sampleCount * sampleByteCount else {
      throw InputError(
        .malformed, source: path,
        "has \(storage.byteCount) bytes, expected \(sampleCount * sampleByteCount); begin anew with "
          + "\(OptionName.restart)")
    }
    var sum = SHA256()
    for sample in 0..<sampleCount {
      let range = sample * sampleByteCount..<(sample + 1) * sampleByteCount
      let target = self[sample]
      target.upload(
        UnsafeRawBufferPointer(start: storage.base + range.lowerBound, count: sampleByteCount))
      storage.releasePages(in: range)
      target.withHostMemory(byteCount: sampleByteCount) {
        sum.update(UnsafeRawBufferPointer(start: $0, count: sampleByteCount))
      }
    }
    guard sum.hexadecimal == expected else {
      throw InputError(
        .malformed, source: path,
        "is not what was written there; begin anew with \(OptionName.restart)")
    }
  }
}
