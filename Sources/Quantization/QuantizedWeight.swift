import Compute
package import Tensors
package import WeightBlocks

/// A weight as small numbers with scales: integers with zero points, or floats.
///
/// ```
/// weight[r, c] = scale * (code[r, c] - zeroPoint)      integers
/// weight[r, c] = scale * code[r, c] + bias             integers of other programs
/// weight[r, c] = scale * number(code[r, c])            floats
/// ```
///
/// with the scale and the zero point, or the bias, of the element's group.
public struct QuantizedWeight: Sendable, Equatable {
  /// How the weight was quantized.
  package let arguments: QuantizationArguments
  package let grouping: WeightGrouping
  /// `[rows, columns]` u8, each in `0 ..< 2^bits`: an integer counted from the least one, or the bits
  /// of a float.
  package let codes: Tensor
  /// One for each parameter set of ``grouping``; exact in ``scaleDType``. May be negative.
  package let scales: [Float]
  /// Like ``scales``, in `0 ..< 2^bits`. Nil for symmetric weights: the middle, `2^(bits-1)`.
  package let zeroPoints: [UInt8]?
  /// Like ``scales``, in the place of zero points that do not give them exactly; nil for most weights.
  package let biases: [Float]?
  /// What all scales are divided by; nil for 1. 0 for a weight of zeros.
  package let globalScale: Float?
  /// What scales and biases are made of, where blocks of GGUF store that; nil for most weights.
  package let superBlocks: [KQuantSuperBlock]?
  /// The type that scales are stored in.
  package let scaleDType: DType

  package var rows: Int { grouping.rows }
  package var columns: Int { grouping.columns }

  package init(
    arguments: QuantizationArguments, grouping: WeightGrouping, codes: Tensor, scales: [Float],
    zeroPoints: [UInt8]? = nil, biases: [Float]? = nil, globalScale: Float? = nil,
    superBlocks: [KQuantSuperBlock]? = nil, scaleDType: DType
  ) {
    precondition(codes.dtype == .uint8 && codes.shape == [grouping.rows, grouping.columns])
    precondition(scales.count == grouping.parameterCount)
    precondition((zeroPoints == nil && biases == nil) == arguments.isSymmetric)
    precondition(zeroPoints == nil || biases == nil && zeroPoints?.count == scales.count)
    precondition(biases.map { $0.count == scales.count } ?? true)
    self.arguments = arguments
    self.grouping = grouping
    self.codes = codes
    self.scales = scales
    self.zeroPoints = zeroPoints
    self.biases = biases
    self.globalScale = globalScale
    self.superBlocks = superBlocks
    self.scaleDType = scaleDType
  }

  /// The type of the weight in numbers: that of scales, or bf16 where scales have a type of 8 bits.
  package var dtype: DType { Self.dtype(ofScales: scaleDType) }

  /// The type of a weight in numbers whose scales have this type.
  package static func dtype(ofScales dtype: DType) -> DType {
    dtype.isFloatingPoint ? dtype : .bfloat16
  }

  /// A parameter set's factor on its numbers.
  private func factor(_ parameter: Int) -> Float {
    guard let globalScale else { return scales[parameter] }
    return globalScale == 0 ? 0 : scales[parameter] / globalScale
  }

  /// The code of zero of a parameter set of integers without biases.
  func zeroPoint(_ parameter: Int) -> Float {
    zeroPoints.map { Float($0[parameter]) } ?? Float(1 << (arguments.bitCount - 1))
  }

  private var meaning: CodeMeaning {
    CodeMeaning(
      format: arguments.floatFormat?.kernel, scale: factor,
      zero: { biases == nil ? zeroPoint($0) : 0 }, bias: { biases?[$0] ?? -0.0 })
  }

  /// The weight in numbers: `[rows, columns]`, the product rounded once to `dtype`, bf16 or f32;
  /// other floating-point types are rounded from f32.
  package func dequantized(to dtype: DType) -> Tensor {
    let computed: DType = dtype == .bfloat16 ? .bfloat16 : .float32
    let result = Tensor(filling: [rows, columns], dtype: computed) { bytes in
      guard let output = bytes.baseAddress, !bytes.isEmpty else { return }
      write(
        rowCount: rows, columnCount: columns, into: output, dtype: computed, rowStride: columns)
    }
    return result.converted(to: dtype)
  }
}

extension QuantizedWeight: MatrixSource {
  package func write(
    rows: Range<Int>, columns: Range<Int>, into output: UnsafeMutableRawPointer, dtype: DType,
    rowStride: Int
  ) {
    grouping.dequantize(
      codes, meaning, rows: rows, columns: columns, into: output, dtype: dtype,
      rowStride: rowStride)
  }
}
