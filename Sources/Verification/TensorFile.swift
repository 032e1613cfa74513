import Diagnostics
import Foundation
import JSONText
import Tensors

/// A safetensors file as its specification has it, read apart from the code that writes them.
struct TensorFile {
  struct Entry {
    var dtype: String
    var shape: [Int]
    /// Counted from the file's start.
    var range: Range<Int>
  }

  let name: String
  let storage: TensorStorage
  let entries: [String: Entry]

  /// Bits of an element.
  static let bitCounts = [
    "F64": 64, "F32": 32, "F16": 16, "BF16": 16, "F8_E4M3": 8, "F8_E5M2": 8, "F8_E8M0": 8, "F4": 4,
    "I64": 64, "I32": 32, "I16": 16, "I8": 8, "U64": 64, "U32": 32, "U16": 16, "U8": 8, "BOOL": 8,
  ]

  init(_ url: URL) throws(InputError) {
    let name = url.lastPathComponent
    self.name = name
    func failure(_ message: String, tensor: String? = nil) -> InputError {
      InputError(.malformed, source: name, place: tensor, message)
    }
    do throws(InputError) {
      storage = try TensorStorage(mappingFileAt: url.path)
    } catch {
      throw InputError(error.code, source: name, error.message)
    }
    guard storage.byteCount >= 8 else { throw failure("is shorter than the size of a header") }
    let size = storage.bytes(in: 0..<8).reversed().reduce(UInt64(0)) { $0 << 8 | UInt64($1) }
    guard size <= 100_000_000, Int(size) <= storage.byteCount - 8 else {
      throw failure("has a header of \(size) bytes, which is not in the file")
    }
    let start = 8 + Int(size)
    let header: JSONValue
    do throws(InputError) {
      header = try JSONValue.parse(storage.bytes(in: 8..<start))
    } catch {
      throw error.inSource(name)
    }
    guard let members = header.objectValue else { throw failure("the header is no object") }
    var entries: [String: Entry] = [:]
    for member in members where member.key != "__metadata__" {
      let offsets = member.value["data_offsets"]?.arrayValue?.compactMap(\.intValue) ?? []
      let shape = member.value["shape"]?.arrayValue?.compactMap(\.intValue) ?? [-1]
      guard let dtype = member.value["dtype"]?.stringValue, let bitCount = Self.bitCounts[dtype],
        offsets.count == 2, offsets[0] >= 0, offsets[0] <= offsets[1],
        offsets[1] <= storage.byteCount - start, shape.allSatisfy({ $0 >= 0 })
      else { throw failure("has no meaning: \(quoted(member.value.text()))", tensor: member.key) }
      var total = bitCount
      // Extents beside a zero are bounded as well.
      for extent in shape where extent > 0 {
        let (product, overflows) = total.multipliedReportingOverflow(by: extent)
        guard !overflows else { throw failure("has a shape beyond all bounds", tensor: member.key) }
        total = product
      }
      if shape.contains(0) { total = 0 }
      guard total == (offsets[1] - offsets[0]) * 8 else {
        throw failure(
          "has \(offsets[1] - offsets[0]) bytes; \(dtype) \(shape) takes \(total / 8)",
          tensor: member.key)
      }
      entries[member.key] = Entry(
        dtype: dtype, shape: shape, range: start + offsets[0]..<start + offsets[1])
    }
    var end = start
    for (tensor, entry) in entries.sorted(by: {
      ($0.value.range.lowerBound, $0.value.range.upperBound)
        < ($1.value.range.lowerBound, $1.value.range.upperBound)
    }) {
      guard entry.range.lowerBound == end else {
        throw failure("begins at byte \(entry.range.lowerBound), expected \(end)", tensor: tensor)
      }
      end = entry.range.upperBound
    }
    guard end == storage.byteCount else {
      throw failure("has \(storage.byteCount - end) bytes that belong to no tensor")
    }
    self.entries = entries
  }
}
