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
  /// What is added to the products of integers; -0 for nothing.
  var bias: (_ parameter: Int) -> Float = { _ in -0.0 }
}

extension WeightGrouping {
  /// Writes a part of a weight in numbers, on the thread that asks: `scale * (code - zero) + bias` of
  /// integers, `scale * number(code)` of floats, rounded once.
  ///
  /// - Parameters:
  ///   - codes: `[rows, columns]` u8.
  ///   - output: The part's first element, f32 or bf16.
  ///   - rowStride: Elements from one row to the next; what lies between rows is left alone.
  func dequantize(
    _ codes: Tensor, _ meaning: CodeMeaning, rows: Range<Int>, columns: Range<Int>,
    into output: UnsafeMutableRawPointer, dtype: DType, rowStride: Int
  ) {
    precondition(dtype == .bfloat16 || dtype == .float32, "weights are computed in bf16 or f32")
    guard !columns.isEmpty else { return }
    let type = dtype == .bfloat16 ? CK_BF16 : CK_F32
    let wantedGroups = columns.lowerBound / groupSize...(columns.upperBound - 1) / groupSize
    codes.withUnsafeBytes { bytes in
      guard let codes = bytes.bindMemory(to: UInt8.self).baseAddress else { return }
      for row in rows {
        let target = output + (row - rows.lowerBound) * rowStride * dtype.byteCount
        for group in wantedGroups {
          let own = self.columns(ofGroup: group).clamped(to: columns)
          let parameter = parameter(row: row, group: group)
          let code = codes + row * self.columns + own.lowerBound
          let place = target + (own.lowerBound - columns.lowerBound) * dtype.byteCount
          let scale = meaning.scale(parameter)
          if let format = meaning.format {
            ck_float_dequantize(code, format, scale, place, type, own.count)
          } else {
            ck_int_dequantize(
              code, scale, meaning.zero(parameter), meaning.bias(parameter), place, type, own.count)
          }
        }
      }
    }
  }
}
