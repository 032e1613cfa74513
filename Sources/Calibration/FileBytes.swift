import Diagnostics
import Foundation
import Tensors

enum FileBytes {
  /// The bytes of a text file without its byte order mark, mapped.
  static func map(_ file: URL) throws -> Data {
    let storage = try TensorStorage(mappingFileAt: file.path(percentEncoded: false))
    let bytes = Data(
      bytesNoCopy: storage.base, count: storage.byteCount,
      deallocator: .custom { _, _ in withExtendedLifetime(storage) {} })
    let mark: [UInt8] = [0xEF, 0xBB, 0xBF]
    return bytes.starts(with: mark) ? bytes.dropFirst(mark.count) : bytes
  }
}
