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
      let digest = try stored(info.name).withUnsafeBytes { SHA256.hexadecimal(of: $0) }
      result.append(("tensor \(info.name) of \(name)", digest))
      done += info.byteCount
      // Lets go of the pages as well.
      try requireFinite(info)
      try progress(Double(done) / total)
    }
    return result
  }

  /// Refuses a tensor with numbers that are infinite or NaN.
  package func requireFinite(_ info: GGUFTensorInfo) throws(InputError) {
    defer { releasePages() }
    guard let element = info.type.firstNonFinite(in: try stored(info.name)) else { return }
    throw InputError(
      .notFinite, source: url.path, place: "tensor \(quoted(info.name))",
      "element \(element) is infinite or NaN")
  }
}
