import Checksums
package import Diagnostics
import Foundation

extension Checkpoint {
  /// What tells this checkpoint from another: for each file that a copy is made from, its name and a
  /// digest.
  ///
  /// Files of tensors are not read whole: the digest is that of the size, the header, and the first
  /// and last bytes of every tensor, in which two trainings of one model differ. Every other file's
  /// digest is that of all its bytes.
  package func fingerprint() throws(InputError) -> [(file: String, digest: String)] {
    var result = [("config.json", try digest(of: folder.appending(path: "config.json").path))]
    for file in otherFiles where FileStatus(path: file.path)?.isRegularFile == true {
      result.append((file.lastPathComponent, try digest(of: file.path)))
    }
    for file in files { result.append((file.url.lastPathComponent, file.fingerprint)) }
    return result
  }

  private func digest(of path: String) throws(InputError) -> String {
    SHA256.hexadecimal(of: try readFile(path))
  }
}

extension SafetensorsFile {
  /// Bytes at each end of a tensor that count.
  private static let sampleByteCount = 1024

  fileprivate var fingerprint: String {
    var sum = SHA256()
    withUnsafeBytes(of: UInt64(byteCount).littleEndian) { sum.update($0) }
    let dataStart = entries.map(\.byteRange.lowerBound).min() ?? byteCount
    sum.update(bytes(in: 0..<dataStart))
    for entry in entries {
      let range = entry.byteRange
      sum.update(bytes(in: range.prefix(Self.sampleByteCount)))
      sum.update(bytes(in: range.suffix(Self.sampleByteCount)))
    }
    return sum.hexadecimal
  }
}
