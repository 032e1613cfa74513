import Checkpoints
package import Diagnostics
package import Foundation
package import Tensors

/// A GGUF file, mapped read-only.
///
/// Opening reads the header alone and checks it against the file's size, so that no tensor can reach outside its bytes;
/// elements are read from disk when they are used.
package struct GGUFFile: Sendable {
  package let url: URL
  package let header: GGUFHeader
  private let storage: TensorStorage
  private let status: FileStatus?
  private let dataStart: Int
  private let positions: [String: Int]

  package var metadata: GGUFMetadata { header.metadata }

  /// The tensors in the order of their bytes.
  package var tensors: [GGUFTensorInfo] { header.entries.map(\.info) }

  /// Opens a file and checks its header.
  ///
  /// - Throws: `InputError` naming the file and, where one is to blame, the key or tensor: `unreadable`, `malformed`,
  ///   `invalidValue`, or `unsupported` for big-endian files, other versions and types that are not read.
  package init(opening url: URL) throws(InputError) {
    status = FileStatus(path: url.path)
    let storage = try TensorStorage(mappingFileAt: url.path)
    (self.url, self.storage) = (url, storage)
    do throws(InputError) {
      (header, dataStart) = try GGUFHeader.parse(
        UnsafeRawBufferPointer(start: storage.base, count: storage.byteCount))
    } catch {
      throw error.inSource(url.path)
    }
    positions = Dictionary(
      uniqueKeysWithValues: header.entries.enumerated().map { ($1.info.name, $0) })
  }

  /// Whether the file has been written to, or is another one, since it was opened.
  package var isChanged: Bool { FileStatus(path: url.path) != status }

  /// What the file says of a tensor, or nil.
  package func info(_ name: String) -> GGUFTensorInfo? {
    positions[name].map { header.entries[$0].info }
  }

  /// A tensor as it is stored: elements, or bytes of blocks, `[…, rows, bytes of a row]`.
  ///
  /// - Throws: `InputError` of code `missing` if the file has no such tensor.
  package func stored(_ name: String) throws(InputError) -> Tensor {
    guard let position = positions[name] else {
      throw InputError(
        .missing, source: url.path, place: "tensor \(quoted(name))", "is not in this file")
    }
    let entry = header.entries[position]
    let info = entry.info.stored
    return Tensor(
      dtype: info.dtype, shape: info.shape, storage: storage,
      byteOffset: dataStart + entry.offsets.lowerBound)
  }

  /// A tensor in numbers: f32 where it is stored in blocks.
  ///
  /// - Throws: `InputError` of code `missing` if the file has no such tensor.
  package func numbers(_ name: String) throws(InputError) -> Tensor {
    try (info(name)?.type ?? .f32).numbers(stored(name))
  }

  /// Gives the memory of what was read from the file back to the system.
  package func releasePages() { storage.releasePages() }
}
