import Checkpoints
import Checksums
package import Diagnostics
import Foundation
import Tensors

extension GGUFFile: TensorFile {
  package var tensorByteCount: Int { tensors.reduce(0) { $0 + $1.byteCount } }

  package func fingerprint(
    progress: (Double) throws -> Void
  ) throws -> [(part: String, digest: String)] {
    var result = [
      (part: "header of \(url.lastPathComponent)", digest: SHA256.hexadecimal(of: header.encoded))
    ]
    let (total, name) = (Double(max(tensorByteCount, 1)), url.lastPathComponent)
    var done = 0
    for info in tensors {
      var digest = SHA256()
      try stored(info.name).withUnsafeBytes { digest.update($0) }
      result.append(("tensor \(info.name) of \(name)", digest.hexadecimal))
      releasePages()
      done += info.byteCount
      try progress(Double(done) / total)
    }
    return result
  }

  /// Refuses a tensor with numbers that are infinite or NaN: in blocks those of which scales are.
  package func requireFinite(_ info: GGUFTensorInfo) throws(InputError) {
    let stored = try stored(info.name)
    defer { releasePages() }
    let rows = stored.shape.dropLast().reduce(1, *)
    let columns = stored.shape.last ?? 0
    let matrix = stored.reshaped([rows, columns])
    let step = max(1, (1 << 20) / max(1, info.shape.last ?? 1))
    for first in stride(from: 0, to: rows, by: step) {
      let part = info.type.numbers(matrix.slice(first..<min(first + step, rows)))
      guard part.dtype.isFloatingPoint else { return }
      guard let bad = part.floats().firstIndex(where: { !$0.isFinite }) else { continue }
      let element = first * (info.shape.last ?? 1) + bad
      throw InputError(
        .notFinite, source: url.path, place: "tensor \(quoted(info.name))",
        "element \(element) is infinite or NaN")
    }
  }
}
