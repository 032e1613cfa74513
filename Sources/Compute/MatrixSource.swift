package import Tensors

/// What makes parts of a matrix when a program reads them, so that the matrix is never in memory as a whole.
package protocol MatrixSource {
  /// Writes a part of the matrix, on the thread that asks. Several threads may ask at the same time.
  ///
  /// - Parameters:
  ///   - output: The first element of the part.
  ///   - dtype: The program's type, f32 or bf16.
  ///   - rowStride: Elements from one row to the next.
  func write(
    rows: Range<Int>, columns: Range<Int>, into output: UnsafeMutableRawPointer, dtype: DType,
    rowStride: Int)

  /// Where the matrix lies, row after row, if it is in memory in this type.
  func place(as dtype: DType) -> UnsafeRawPointer?
}

extension MatrixSource {
  package func place(as dtype: DType) -> UnsafeRawPointer? { nil }

  /// Writes the whole matrix, shared out over the team.
  package func write(
    rowCount: Int, columnCount: Int, into output: UnsafeMutableRawPointer, dtype: DType,
    rowStride: Int
  ) {
    ThreadTeam.forRanges(of: rowCount) { begin, end in
      write(
        rows: begin..<end, columns: 0..<columnCount,
        into: output + begin * rowStride * dtype.byteCount, dtype: dtype, rowStride: rowStride)
    }
  }
}

/// A matrix as it lies in a tensor, `[rows, columns]`.
struct TensorMatrix: MatrixSource {
  let tensor: Tensor

  func write(
    rows: Range<Int>, columns: Range<Int>, into output: UnsafeMutableRawPointer, dtype: DType,
    rowStride: Int
  ) {
    for row in rows {
      let first = row * tensor.shape[1]
      tensor.write(
        first + columns.lowerBound..<first + columns.upperBound, as: dtype,
        into: output + (row - rows.lowerBound) * rowStride * dtype.byteCount)
    }
  }

  func place(as dtype: DType) -> UnsafeRawPointer? {
    // The tensor keeps the bytes alive, and they stay where they are.
    tensor.dtype == dtype ? tensor.withUnsafeBytes(\.baseAddress) : nil
  }
}
