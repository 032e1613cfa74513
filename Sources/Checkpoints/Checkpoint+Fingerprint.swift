import Checksums
package import Diagnostics
import Foundation
import Tensors

extension Checkpoint {
  /// What tells this checkpoint from another: each part that a copy is made from, in words, with the
  /// SHA-256 of all its bytes. Parts are files, and in files of tensors the header and each tensor.
  package func fingerprint() throws(InputError) -> [(part: String, digest: String)] {
    var result = [("file config.json", try digest(of: folder.appending(path: "config.json").path))]
    for file in otherFiles where FileStatus(path: file.path)?.isRegularFile == true {
      result.append(("file \(file.lastPathComponent)", try digest(of: file.path)))
    }
    for file in files {
      let name = file.url.lastPathComponent
      result.append(("header of \(name)", file.headerDigest))
      for (entry, digest) in zip(file.entries, file.tensorDigests) {
        result.append(("\(place(ofTensor: entry.name)) in \(name)", digest))
      }
    }
    return result
  }

  private func digest(of path: String) throws(InputError) -> String {
    SHA256.hexadecimal(of: try readFile(path))
  }
}

extension SafetensorsFile {
  /// The SHA-256 of the bytes before the first tensor's, and of the file's size.
  fileprivate var headerDigest: String {
    var sum = SHA256()
    withUnsafeBytes(of: UInt64(byteCount).littleEndian) { sum.update($0) }
    sum.update(bytes(in: 0..<(entries.map(\.byteRange.lowerBound).min() ?? byteCount)))
    return sum.hexadecimal
  }

  /// The SHA-256 of each tensor's bytes, in the order of the entries.
  fileprivate var tensorDigests: [String] {
    var digests = [String](repeating: "", count: entries.count)
    digests.withUnsafeMutableBufferPointer { digests in
      // What one thread writes, no other does.
      nonisolated(unsafe) let digests = digests
      ThreadTeam.forEach(entries.count) { index, _ in
        var sum = SHA256()
        read(entries[index].byteRange) { sum.update($0) }
        digests[index] = sum.hexadecimal
      }
    }
    return digests
  }
}
