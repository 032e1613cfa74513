package import Diagnostics
package import Tensors

extension ScaleBlockWeight {
  /// Rounds a weight.
  ///
  /// Without importances as llama.cpp's reference quantizers do it (`quantize_row_q4_0_ref` and its like in
  /// ggml-quants.c at commit 01243c5), bit for bit: codes follow from the scale before that is rounded to f16. With them, scales
  /// are searched as those of k-quants are, an error in column c of a row weighing `importance[c] * sqrt(s + w²)`, s the
  /// mean square of the row, and codes are the nearest with the scales as they are stored. For q8_0 importances count
  /// nothing.
  ///
  /// - Parameters:
  ///   - weight: `[rows, columns]`, a floating-point type of at least 16 bits; columns in full blocks.
  ///   - importance: What an error in a column weighs, at least 0. Nil, or all zeros: none is known.
  /// - Throws: As `KQuantizedWeight.init` does.
  package init(
    _ weight: Tensor, type: ScaleBlockType, importance: [Float]? = nil
  ) throws(InputError) {
    let (size, name) = (ScaleBlockType.size, type.rawValue)
    let elements = try KQuantizedWeight.numbers(weight, blockSize: size, type: name)
    let (rows, columns) = (weight.shape[0], weight.shape[1])
    if let importance { try KQuantizedWeight.requireWeights(importance, columns: columns) }
    let greatest = importance?.max() ?? 0
    var weights: [Float]?
    if type != .q80, greatest > 0 {
      let factor = ColumnImportance.factor(ofGreatest: greatest)
      weights = importance?.map { $0 * factor }
    }

    let blockCount = elements.count / size
    var scales = [Float](repeating: 0, count: blockCount)
    var minimums = [Float](repeating: 0, count: type.isAsymmetric ? blockCount : 0)
    let codes = [UInt8](unsafeUninitializedCapacity: elements.count) { codes, count in
      count = elements.count
      let rounding = ScaleBlockRounding(type: type)
      elements.withUnsafeBytes { bytes in
        scales.withUnsafeMutableBufferPointer { scales in
          minimums.withUnsafeMutableBufferPointer { minimums in
            guard let x = bytes.assumingMemoryBound(to: Float.self).baseAddress,
              let codes = codes.baseAddress
            else { return }
            nonisolated(unsafe) let (scales, minimums) = (scales, minimums)
            ThreadTeam.forRanges(of: rows) { begin, end in
              for row in begin..<end {
                let result = RowBlocks(
                  x: x + row * columns, columns: columns, codes: codes + row * columns,
                  scales: scales.baseAddress.map { $0 + row * columns / size },
                  minimums: minimums.baseAddress.map { $0 + row * columns / size })
                if let weights {
                  rounding.search(result, weights)
                } else {
                  rounding.round(result)
                }
              }
            }
          }
        }
      }
    }
    self.init(
      type: type, rows: rows, columns: columns, codes: codes, scales: scales,
      minimums: type.isAsymmetric ? minimums : nil)
  }
}
