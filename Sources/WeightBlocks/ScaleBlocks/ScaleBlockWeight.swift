package import Tensors

/// A weight in blocks of GGUF that have a scale each, as the numbers that its blocks are made of.
///
/// ``ScaleBlockType`` has the formula of a weight. How bits lie in a file is not known here.
package struct ScaleBlockWeight: Sendable, Equatable {
  package let type: ScaleBlockType
  /// Output features.
  package let rows: Int
  /// Input features, a multiple of ``ScaleBlockType/size``.
  package let columns: Int
  /// `[rows, columns]`, each in `0 ..< 2^bits`.
  package let codes: [UInt8]
  /// `[rows, columns / 32]`, exact in f16; of either sign in symmetric types.
  package let scales: [Float]
  /// Like ``scales``; nil for symmetric types.
  package let minimums: [Float]?

  package init(
    type: ScaleBlockType, rows: Int, columns: Int, codes: [UInt8], scales: [Float],
    minimums: [Float]?
  ) {
    precondition(columns % ScaleBlockType.size == 0)
    precondition(codes.count == rows * columns)
    precondition(scales.count == codes.count / ScaleBlockType.size)
    precondition(minimums?.count == (type.isAsymmetric ? scales.count : nil))
    self.type = type
    self.rows = rows
    self.columns = columns
    self.codes = codes
    self.scales = scales
    self.minimums = minimums
  }

  /// The weight in numbers: `[rows, columns]`, `scale * (code - zero) + minimum` in f32, each step rounded half to even,
  /// and then in `dtype`, a floating-point type of at least 16 bits.
  package func dequantized(to dtype: DType) -> Tensor {
    let (size, zero) = (ScaleBlockType.size, Int32(type.zeroPoint))
    let result = Tensor(filling: [rows, columns], dtype: .float32) { bytes in
      let numbers = bytes.assumingMemoryBound(to: Float.self)
      codes.withUnsafeBufferPointer { codes in
        ThreadTeam.forRanges(of: scales.count) { begin, end in
          for block in begin..<end {
            let (scale, minimum) = (scales[block], minimums?[block])
            for element in block * size..<(block + 1) * size {
              let number = scale * Float(Int32(codes[element]) - zero)
              // Adding 0 would make a zero of a negative scale positive.
              numbers[element] = minimum.map { number + $0 } ?? number
            }
          }
        }
      }
    }
    return result.converted(to: dtype)
  }
}
