import Checksums
import Diagnostics
import Foundation
import Tensors

extension Checkpoint {
  /// What decides the numbers of a copy: each part in words, with the SHA-256 of all its bytes. Parts are
  /// `config.json`, and in files of tensors the header and each tensor, whose numbers are checked on the way; of other files
  /// what those say.
  ///
  /// The files that are merely copied are not among them: they are copied last, as they are then.
  ///
  /// - Parameter progress: See ``requireFinite(progress:)``.
  package func fingerprint(
    progress: (Double) throws -> Void = { _ in }
  ) throws -> [(part: String, digest: String)] {
    var result: [(part: String, digest: String)] = []
    for file in ownFiles { result += try file.fingerprint(progress: progress) }
    guard !files.isEmpty else { return result }
    let configuration = try readFile(configurationFile.path)
    result.append(("file config.json", SHA256.hexadecimal(of: configuration)))
    for (file, digests) in zip(files, try digestNumbers(progress: progress)) {
      let name = file.url.lastPathComponent
      result.append(("header of \(name)", file.headerDigest))
      for (entry, digest) in zip(file.entries, digests) {
        result.append(("\(place(ofTensor: entry.name)) in \(name)", digest))
      }
    }
    return result
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
}
