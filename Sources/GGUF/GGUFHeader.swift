package import Diagnostics

/// All of a file but the tensors' elements: metadata, and which tensors are where.
///
/// | what | bytes |
/// |---|---|
/// | `GGUF` | 4 |
/// | the version, 3 | 4 |
/// | how many tensors, how many keys | 8 each |
/// | each key: name, type, value | |
/// | each tensor: name, dimensions, extents from the innermost, type, offset counted from the data's start | |
/// | zeros up to a multiple of the alignment, then the data: each tensor at such a multiple, one after another | |
///
/// Numbers are little-endian; a string is its size in 8 bytes, and UTF-8.
package struct GGUFHeader: Equatable, Sendable {
  /// A tensor with its place.
  package struct Entry: Equatable, Sendable {
    package let info: GGUFTensorInfo
    /// The tensor's bytes, counted from the start of the data.
    package let offsets: Range<Int>
  }

  /// The key that says the alignment.
  package static let alignmentKey = "general.alignment"
  /// The alignment of files that say none.
  package static let usualAlignment = 32
  /// The first bytes of a file.
  static let magic = Array("GGUF".utf8)
  /// The version that is written.
  static let version: UInt32 = 3
  /// The longest key in bytes, as the format says.
  static let keyByteCountLimit = 65535

  package let metadata: GGUFMetadata
  /// The tensors in the order of their offsets.
  package let entries: [Entry]
  /// What offsets are multiples of.
  package let alignment: Int

  /// Bytes of all tensors, with the zeros after each.
  package var dataByteCount: Int {
    entries.last.map { Self.aligned($0.offsets.upperBound, alignment) ?? .max } ?? 0
  }

  init(metadata: GGUFMetadata, entries: [Entry], alignment: Int) {
    (self.metadata, self.entries, self.alignment) = (metadata, entries, alignment)
  }

  /// Lays out tensors one after another in the order given.
  ///
  /// - Throws: `InputError` of code `invalidValue` with the key or tensor at fault as place: names that are there twice, or
  ///   longer than files may have them, shapes without elements or of rows that are not whole blocks.
  package init(
    layingOut tensors: [GGUFTensorInfo], metadata: GGUFMetadata
  ) throws(InputError) {
    for entry in metadata.entries { try Self.check(key: entry.key) }
    alignment = try Self.alignment(of: metadata)
    self.metadata = metadata
    var names: Set<String> = []
    var end = 0
    var entries: [Entry] = []
    entries.reserveCapacity(tensors.count)
    for info in tensors {
      let byteCount = try info.checkedByteCount()
      func failure(_ message: String) -> InputError {
        InputError(.invalidValue, place: "tensor \(quoted(info.name))", message)
      }
      guard names.insert(info.name).inserted else { throw failure("would be in the file twice") }
      let (sum, overflows) = end.addingReportingOverflow(byteCount)
      guard !overflows, let next = Self.aligned(sum, alignment) else {
        throw failure("all tensors together are too large")
      }
      entries.append(Entry(info: info, offsets: end..<sum))
      end = next
    }
    self.entries = entries
  }

  /// The next multiple of the alignment; nil beyond `Int`.
  static func aligned(_ byteCount: Int, _ alignment: Int) -> Int? {
    let (sum, overflows) = byteCount.addingReportingOverflow(alignment - 1)
    return overflows ? nil : sum & ~(alignment - 1)
  }

  static func check(key: String) throws(InputError) {
    guard !key.isEmpty else {
      throw InputError(.invalidValue, place: "metadata", "a key is empty")
    }
    guard key.utf8.count <= keyByteCountLimit else {
      throw InputError(
        .invalidValue, place: "key \(quoted(key))",
        "has \(key.utf8.count) bytes, expected at most \(keyByteCountLimit)")
    }
  }

  /// The alignment that metadata say: a power of two from 8.
  static func alignment(of metadata: GGUFMetadata) throws(InputError) -> Int {
    guard let value = metadata[alignmentKey] else { return usualAlignment }
    let place = "key \(quoted(alignmentKey))"
    guard case .uint32(let alignment) = value else {
      throw InputError(.invalidValue, place: place, "is of type \(value.type), expected uint32")
    }
    guard alignment >= 8, alignment <= 1 << 20, alignment.nonzeroBitCount == 1 else {
      throw InputError(
        .invalidValue, place: place,
        "found \(alignment), expected a power of two from 8 to \(1 << 20)")
    }
    return Int(alignment)
  }
}
