import JSONText
import Tensors

/// The header of a safetensors file: which tensors it holds, and where.
///
/// | bytes | content |
/// |---|---|
/// | 0..<8 | N, the header's size, little-endian |
/// | 8..<8+N | a JSON object: `{"name": {"dtype", "shape", "data_offsets": [begin, end]}, …}`, and optionally `"__metadata__"` with strings; padded with spaces |
/// | 8+N... | the tensors' elements, little-endian and row-major, each at its offsets counted from 8+N |
package struct SafetensorsHeader: Sendable, Equatable {
  /// One tensor with its place.
  package struct Entry: Sendable, Equatable {
    package var info: TensorInfo
    /// The tensor's bytes, counted from the end of the header.
    package var offsets: Range<Int>
  }

  /// The largest header that is read, the limit of the reference implementation.
  package static let byteCountLimit = 100_000_000
  /// The member that holds ``metadata``; no tensor can have this name.
  package static let metadataKey = "__metadata__"

  /// Free text about the file, by key.
  package var metadata: [String: String]
  /// The tensors in the order of their offsets.
  package var entries: [Entry]

  /// Bytes of all tensors.
  package var dataByteCount: Int { entries.last?.offsets.upperBound ?? 0 }

  /// Lays out tensors without gaps: wide element types first, and by name among equals, so that
  /// every tensor is aligned and the same tensors always give the same file.
  ///
  /// - Precondition: The tensors' bytes together do not exceed `Int`.
  package init(layingOut tensors: [TensorInfo], metadata: [String: String]) {
    let ordered = tensors.sorted { a, b in
      a.dtype == b.dtype
        ? a.name.utf8.lexicographicallyPrecedes(b.name.utf8)
        : a.dtype.safetensorsRank < b.dtype.safetensorsRank
    }
    var end = 0
    self.metadata = metadata
    entries = ordered.map { info in
      let begin = end
      guard let byteCount = info.dtype.byteCount(ofShape: info.shape) else {
        preconditionFailure("a tensor of shape \(info.shape) has too many bytes")
      }
      end += byteCount
      return Entry(info: info, offsets: begin..<end)
    }
  }

  /// The header as the file's first bytes, its size included, a multiple of 8 in all.
  package var encoded: [UInt8] {
    var members: [JSONValue.Member] = []
    if !metadata.isEmpty {
      let pairs = metadata.sorted { $0.key.utf8.lexicographicallyPrecedes($1.key.utf8) }
      members.append(
        .init(
          Self.metadataKey, .object(pairs.map { JSONValue.Member($0.key, .string($0.value)) })))
    }
    for entry in entries {
      members.append(
        .init(
          entry.info.name,
          [
            "dtype": .string(entry.info.dtype.safetensorsTag),
            "shape": .array(entry.info.shape.map { JSONValue($0) }),
            "data_offsets": [
              JSONValue(entry.offsets.lowerBound), JSONValue(entry.offsets.upperBound),
            ],
          ]))
    }
    var json = Array(JSONValue.object(members).text().utf8)
    json.append(contentsOf: repeatElement(UInt8(ascii: " "), count: (8 - json.count % 8) % 8))
    return withUnsafeBytes(of: UInt64(json.count).littleEndian) { Array($0) } + json
  }
}
