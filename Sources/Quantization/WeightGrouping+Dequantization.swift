import CKernels
import Tensors

/// What the codes of each parameter set stand for.
struct CodeMeaning {
  /// The kind of float whose bits codes are; nil for integers.
  let format: ck_float_format?
  /// What the number of a code is multiplied with.
  let scale: (_ parameter: Int) -> Float
  /// The code of zero, of integers.
  let zero: (_ parameter: Int) -> Float
}

extension WeightGrouping {
  /// Writes a weight in numbers: `scale * (code - zero)` of integers, `scale * number(code)` of floats, rounded once.
  ///
  /// - Parameters:
  ///   - codes: `[rows, columns]` u8.
  ///   - output: `rows` rows of `columns` elements, f32 or bf16.
  ///   - rowStride: Elements from one row to the next; what lies between rows is left alone.
  func dequantize(
    _ codes: Tensor, _ meaning: CodeMeaning, into output: UnsafeMutableRawPointer, dtype: DType,
    rowStride: Int
  ) {
    precondition(dtype == .bfloat16 || dtype == .float32, "weights are computed in bf16 or f32")
    let type = dtype == .bfloat16 ? CK_BF16 : CK_F32
    codes.withUnsafeBytes { bytes in
      guard let codes = bytes.bindMemory(to: UInt8.self).baseAddress else { return }
      ThreadTeam.forRanges(of: rows) { begin, end in
        for row in begin..<end {
          for group in 0..<groups {
            let columns = columns(ofGroup: group)
            let parameter = parameter(row: row, group: group)
            let code = codes + row * self.columns + columns.lowerBound
            let target = output + (row * rowStride + columns.lowerBound) * dtype.byteCount
            let scale = meaning.scale(parameter)
            if let format = meaning.format {
              ck_float_dequantize(code, format, scale, target, type, columns.count)
            } else {
              ck_int_dequantize(code, scale, meaning.zero(parameter), target, type, columns.count)
            }
          }
        }
      }
    }
  }
}
