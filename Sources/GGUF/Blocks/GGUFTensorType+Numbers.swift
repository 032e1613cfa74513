package import Diagnostics
package import Tensors
import WeightBlocks

extension GGUFTensorType {
  /// A weight rounded to this type, as files have it: numbers of `weight`'s shape, or bytes of blocks,
  /// `[…, rows, bytes of a row]`.
  ///
  /// - Parameters:
  ///   - weight: Floating-point numbers of at least 16 bits, of at least two dimensions for types with blocks.
  ///   - importance: What an error in a column weighs; only blocks heed it.
  /// - Throws: `unsupported` for types of integers and for rows that are not of whole blocks; `notFinite` for numbers
  ///   that are beyond the range of the type.
  package func rounded(
    _ weight: Tensor, importance: [Float]? = nil
  ) throws(InputError) -> Tensor {
    if case .plain(let dtype) = storage { return try Self.converted(weight, to: dtype) }
    let rows = try Self.matrix(weight)
    // Piece by piece, because codes and numbers in f32 take several times what the result does.
    var result = Tensor(
      zeros: [rows.shape[0], rows.shape[1] / blockSize * blockByteCount], dtype: .uint8)
    for range in Self.pieces(of: rows) {
      let blocks: Tensor
      do throws(InputError) {
        blocks = try rounded(rows: rows.slice(range), importance)
      } catch {
        throw range.lowerBound == 0 ? error : error.below("rows from \(range.lowerBound)")
      }
      result.copy(blocks, toRow: range.lowerBound)
    }
    return result.reshaped(weight.shape.dropLast() + [result.shape[1]])
  }

  private func rounded(rows: Tensor, _ importance: [Float]?) throws(InputError) -> Tensor {
    switch storage {
    case .plain: rows
    case .blocks(.scaleBlocks(let type)):
      try ScaleBlockWeight(rows, type: type, importance: importance).bytes
    case .blocks(.superBlocks(let type)):
      try KQuantizedWeight(rows, type: type, importance: importance).bytes
    }
  }

  /// Ranges of rows with a few million elements or bytes each; at least one range.
  private static func pieces(of rows: Tensor) -> [Range<Int>] {
    RowPieces.ranges(of: rows.shape[0], rowSize: rows.shape[1], limit: 1 << 22)
  }

  /// What is stored, in numbers: f32 from blocks, else the type of the file.
  ///
  /// - Parameter stored: As ``rounded(_:importance:)`` gives it.
  package func numbers(_ stored: Tensor) -> Tensor {
    guard !isPlain else { return stored }
    let rows = stored.asRows
    var result = Tensor(
      zeros: [rows.shape[0], rows.shape[1] / blockByteCount * blockSize], dtype: .float32)
    for range in Self.pieces(of: rows) {
      let piece = rows.slice(range)
      let numbers =
        switch storage {
        case .plain: piece
        case .blocks(.scaleBlocks(let type)):
          ScaleBlockWeight(bytes: piece, type: type).dequantized(to: .float32)
        case .blocks(.superBlocks(let type)):
          KQuantizedWeight(bytes: piece, type: type).dequantized(to: .float32)
        }
      result.copy(numbers, toRow: range.lowerBound)
    }
    return result.reshaped(stored.shape.dropLast() + [result.shape[1]])
  }

  /// The first element that is infinite or NaN.
  ///
  /// - Parameter stored: As ``rounded(_:importance:)`` gives it.
  package func firstNonFinite(in stored: Tensor) -> Int? {
    stored.withUnsafeBytes { bytes in
      switch storage {
      case .plain(let dtype): bytes.firstNonFinite(dtype)
      case .blocks(let type):
        BlockLayout(type).firstNonFinite(bytes, byteCount: blockByteCount).map { $0 * blockSize }
      }
    }
  }

  private static func matrix(_ weight: Tensor) throws(InputError) -> Tensor {
    guard weight.shape.count > 1 else {
      throw InputError(
        .unsupported, "has shape \(weight.shape), expected rows and columns for blocks")
    }
    return weight.asRows
  }

  private static func converted(_ weight: Tensor, to dtype: DType) throws(InputError) -> Tensor {
    guard dtype != weight.dtype else { return weight }
    guard weight.dtype.isFloatingPoint, dtype.isFloatingPoint else {
      throw InputError(
        .unsupported, "\(weight.dtype.rawValue) cannot be stored as \(dtype.rawValue)")
    }
    let result = weight.converted(to: dtype)
    guard isFinite(result) || !isFinite(weight) else {
      throw InputError(
        .notFinite, "has numbers that are beyond the range of \(dtype.rawValue)")
    }
    return result
  }

  private static func isFinite(_ tensor: Tensor) -> Bool {
    tensor.withUnsafeBytes { $0.firstNonFinite(tensor.dtype) == nil }
  }
}

extension Tensor {
  /// Copies rows of the same type and length over those from `row` on.
  fileprivate mutating func copy(_ rows: Tensor, toRow row: Int) {
    precondition(rows.dtype == dtype && rows.shape[1] == shape[1])
    let offset = row * shape[1] * dtype.byteCount
    withUnsafeMutableBytes { target in
      rows.withUnsafeBytes { source in
        UnsafeMutableRawBufferPointer(rebasing: target[offset..<offset + source.count])
          .copyMemory(from: source)
      }
    }
  }
}
