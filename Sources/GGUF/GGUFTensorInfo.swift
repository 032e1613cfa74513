package import Checkpoints
import Diagnostics
import Tensors

/// What a file says of a tensor: its name, type and shape.
package struct GGUFTensorInfo: Equatable, Sendable {
  package var name: String
  package var type: GGUFTensorType
  /// Extents, outermost first, as tensors have them: `[rows, columns]`. Files have the innermost first.
  package var shape: [Int]

  package init(name: String, type: GGUFTensorType, shape: [Int]) {
    (self.name, self.type, self.shape) = (name, type, shape)
  }

  /// The longest name, in bytes: llama.cpp has room for 64 with the zero at the end.
  package static let nameByteCountLimit = 63
  /// The most dimensions that a tensor has.
  package static let dimensionLimit = 4

  /// Bytes of a row, of a shape whose size was checked.
  package var rowByteCount: Int { (shape.last ?? 0) / type.blockSize * type.blockByteCount }

  /// Bytes of all elements, of a shape whose size was checked.
  package var byteCount: Int { shape.dropLast().reduce(rowByteCount, *) }

  /// The tensor as files have it: elements, or bytes of blocks, `[…, rows, bytes of a row]`.
  package var stored: TensorInfo {
    guard case .plain(let dtype) = type.storage else {
      return TensorInfo(name: name, dtype: .uint8, shape: shape.dropLast() + [rowByteCount])
    }
    return TensorInfo(name: name, dtype: dtype, shape: shape)
  }

  /// Checks that a file can hold the tensor, and returns its bytes.
  func checkedByteCount() throws(InputError) -> Int {
    func failure(_ code: InputError.Code, _ message: String) -> InputError {
      InputError(code, place: "tensor \(quoted(name))", message)
    }
    guard !name.isEmpty, name.utf8.count <= Self.nameByteCountLimit else {
      throw failure(
        .invalidValue,
        "its name has \(name.utf8.count) bytes, expected 1 to \(Self.nameByteCountLimit)")
    }
    guard 1...Self.dimensionLimit ~= shape.count else {
      throw failure(
        .invalidValue, "has \(shape.count) dimensions, expected 1 to \(Self.dimensionLimit)")
    }
    guard shape.allSatisfy({ $0 > 0 }) else {
      throw failure(.invalidValue, "its shape \(shape) has no elements")
    }
    let columns = shape[shape.count - 1]
    guard columns % type.blockSize == 0 else {
      throw failure(
        .invalidValue,
        "its rows have \(columns) elements; \(type.name) needs a multiple of \(type.blockSize)")
    }
    var total = type.blockByteCount
    for extent in shape.dropLast() + [columns / type.blockSize] {
      let (product, overflows) = total.multipliedReportingOverflow(by: extent)
      guard !overflows else {
        throw failure(.invalidValue, "its shape \(shape) has too many elements")
      }
      total = product
    }
    // Elements are counted as well, where they are more than bytes.
    guard type.isPlain || !total.multipliedReportingOverflow(by: type.blockSize).overflow else {
      throw failure(.invalidValue, "its shape \(shape) has too many elements")
    }
    return total
  }
}
