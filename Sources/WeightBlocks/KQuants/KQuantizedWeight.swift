package import Tensors

/// A weight rounded to a k-quant of GGUF, as the numbers that its blocks are made of.
///
/// ``KQuantType`` has the formula of a weight. How bits lie in a file is not known here.
package struct KQuantizedWeight: Sendable, Equatable {
  package let type: KQuantType
  /// Output features.
  package let rows: Int
  /// Input features, a multiple of ``KQuantType/superBlockSize``.
  package let columns: Int
  /// `[rows, columns]`, each in `0 ..< 2^bits`; those of symmetric types are counted from the
  /// least.
  package let codes: [UInt8]
  /// `[rows, columns / superBlockSize]`
  package let superBlocks: [KQuantSuperBlock]
  /// The type that the super-blocks' scales are exact in: f16, as files have it, or f32.
  package let scaleDType: DType

  package init(
    type: KQuantType, rows: Int, columns: Int, codes: [UInt8], superBlocks: [KQuantSuperBlock],
    scaleDType: DType
  ) {
    precondition(columns % KQuantType.superBlockSize == 0)
    precondition(codes.count == rows * columns)
    precondition(superBlocks.count == codes.count / KQuantType.superBlockSize)
    self.type = type
    self.rows = rows
    self.columns = columns
    self.codes = codes
    self.superBlocks = superBlocks
    self.scaleDType = scaleDType
  }

  /// `[rows, columns / subBlockSize]`: d times the integer scale, of each sub-block.
  package var scales: [Float] {
    superBlocks.flatMap { block in
      (0..<type.subBlockCount).map { block.scale(ofSubBlock: $0) }
    }
  }

  /// Like ``scales``: dmin times the integer minimum. Nil for symmetric types.
  package var minimums: [Float]? {
    guard type.isAsymmetric else { return nil }
    return superBlocks.flatMap { block in
      (0..<type.subBlockCount).map { block.minimum(ofSubBlock: $0) }
    }
  }

  /// The weight in numbers: `[rows, columns]`, `scale * (code - zero) - minimum` in f32, each step
  /// rounded half to even, and then in `dtype`, a floating-point type of at least 16 bits.
  package func dequantized(to dtype: DType) -> Tensor {
    let (size, zero) = (type.subBlockSize, Int32(type.zeroPoint))
    let result = Tensor(filling: [rows, columns], dtype: .float32) { bytes in
      let numbers = bytes.assumingMemoryBound(to: Float.self)
      codes.withUnsafeBufferPointer { codes in
        ThreadTeam.forRanges(of: superBlocks.count) { begin, end in
          for index in begin..<end {
            let block = superBlocks[index]
            for subBlock in 0..<type.subBlockCount {
              let scale = block.scale(ofSubBlock: subBlock)
              let minimum = block.minimum(ofSubBlock: subBlock)
              let first = index * KQuantType.superBlockSize + subBlock * size
              for element in first..<first + size {
                numbers[element] = scale * Float(Int32(codes[element]) - zero) - minimum
              }
            }
          }
        }
      }
    }
    return result.converted(to: dtype)
  }
}
