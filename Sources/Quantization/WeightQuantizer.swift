package import CPU
package import Compute
package import Diagnostics
package import Tensors
import WeightBlocks

/// The tuning state of one linear layer's weight under one scheme: the weight as it was, the
/// parameters that decide how it is rounded, and the best rounding so far.
///
/// A tuning loop calls ``quantizeDequantize(into:dtype:rowStride:)`` before each forward pass,
/// ``step(gradient:learningRate:rangeLearningRate:)`` after each backward pass, ``keepBest()``
/// between the two where the loss is the least so far, and ``restoreBest()`` with ``finished()`` at
/// the end. Only initializers and `finished` allocate.
///
/// Not `Sendable`: one loop owns it. Work inside is spread over the thread team; results do not
/// depend on the number of threads.
package protocol WeightQuantizer: AnyObject {
  /// Output features.
  var rows: Int { get }
  /// Input features.
  var columns: Int { get }

  /// Writes the weight that the current parameters give.
  ///
  /// - Parameters:
  ///   - output: `rows` rows of `columns` elements.
  ///   - dtype: bf16 or f32.
  ///   - rowStride: Elements from one row to the next; what lies between rows is left alone.
  func quantizeDequantize(into output: DeviceRange, dtype: DType, rowStride: Int)

  /// What writes parts of the weight that the current parameters give, until they change; for programs that make
  /// what they need of a matrix.
  func source() -> any MatrixSource

  /// One step of signed gradient descent on the parameters behind the weight written last.
  ///
  /// - Parameters:
  ///   - gradient: `[rows, columns]`, of the loss with respect to that weight. NaN counts as zero.
  ///   - learningRate: Step of the rounding offsets.
  ///   - rangeLearningRate: Step of the range scales.
  func step(gradient: DeviceRange, learningRate: Float, rangeLearningRate: Float)

  /// Makes room for rounding offsets, if there is none: f32, or whole numbers of a unit, at most 32767 either way, to which
  /// steps are rounded. The first step makes f32.
  func makeOffsets(unit: Float?)

  /// Remembers the rounding that the current parameters give: codes and scales, in place of what was
  /// remembered before.
  func keepBest()

  /// Makes the remembered rounding the one that is written and finished. Tuning is over then.
  func restoreBest()

  /// Chooses, for each group, the scale that loses least at rounding to nearest, and starts from it:
  /// tuning then moves the scales between 0 and 2× what was chosen.
  ///
  /// `ck_int_search` and `ck_float_search` say which scales are tried. Without effect where
  /// ``QuantizationArguments/hasScaleSearch`` is false, or ``QuantizationArguments/hasRoundingSearch`` if
  /// the weight is only rounded.
  ///
  /// - Parameter importance: What an error in a column weighs, at least 0: the mean square of the
  ///   column's inputs, say. Nil weighs all columns equally.
  func searchScales(importance: [Float]?)

  /// What the current parameters make of the weight, as it is stored.
  ///
  /// - Throws: `notFinite` where a scale is infinite or NaN.
  func finished() throws(InputError) -> QuantizedWeight
}

/// A device that holds weights while they are tuned, too.
package protocol TuningDevice: Device {
  /// The quantizer of a weight: see ``QuantizationArguments/makeWeightQuantizer(for:scaleDType:globalScale:isTuned:)``.
  func makeWeightQuantizer(
    for weight: Tensor, _ arguments: QuantizationArguments, scaleDType: DType, globalScale: Float?,
    isTuned: Bool
  ) throws(InputError) -> any WeightQuantizer
}

extension CPUDevice: TuningDevice {
  package func makeWeightQuantizer(
    for weight: Tensor, _ arguments: QuantizationArguments, scaleDType: DType, globalScale: Float?,
    isTuned: Bool
  ) throws(InputError) -> any WeightQuantizer {
    try arguments.makeWeightQuantizer(
      for: weight, scaleDType: scaleDType, globalScale: globalScale, isTuned: isTuned)
  }
}

/// A quantizer whose state is in the processor's memory and whose work the processor does, for weights and
/// gradients of any device: they are copied where the processor does not reach them.
package protocol HostWeightQuantizer: WeightQuantizer {
  func quantizeDequantize(into output: UnsafeMutableRawPointer, dtype: DType, rowStride: Int)
  func step(gradient: UnsafePointer<Float>, learningRate: Float, rangeLearningRate: Float)
}

extension HostWeightQuantizer {
  package func quantizeDequantize(into output: DeviceRange, dtype: DType, rowStride: Int) {
    output.withHostMemory(byteCount: ((rows - 1) * rowStride + columns) * dtype.byteCount) {
      quantizeDequantize(into: $0, dtype: dtype, rowStride: rowStride)
    }
  }

  package func step(gradient: DeviceRange, learningRate: Float, rangeLearningRate: Float) {
    gradient.withHostMemory(byteCount: rows * columns * MemoryLayout<Float>.stride) {
      step(
        gradient: $0.assumingMemoryBound(to: Float.self), learningRate: learningRate,
        rangeLearningRate: rangeLearningRate)
    }
  }
}

extension QuantizationArguments {
  /// Whether there is a search for scales of weights that are only rounded: none for one scale for a tensor,
  /// for FP8, and for asymmetric integers of more than 2 bits. With those, the search leaves less error and
  /// more perplexity: what it clips errs in one direction.
  package var hasRoundingSearch: Bool {
    hasScaleSearch || type == .int && bitCount == 2 && strategy != .tensor
  }

  /// Whether there is a search for scales that tuning starts from: none for asymmetric integers either.
  package var hasScaleSearch: Bool {
    blocks != nil || floatFormat.map { $0 != .fp8 } ?? (isSymmetric && strategy != .tensor)
  }

  /// The quantizer of a weight under these arguments: the table of weight schemes.
  ///
  /// - Parameters:
  ///   - weight: `[rows, columns]`, a floating-point type.
  ///   - scaleDType: The type that scales are stored in, f32, f16 or bf16, unless the format has one
  ///     of its own.
  ///   - globalScale: What the scales of this and other layers have in common, for formats that have
  ///     such a scale; nil: the weight's own ``FloatWeightQuantizer/globalScale(of:)``.
  ///   - isTuned: Whether parameters will move. Without, the quantizer takes at least 3 bytes less for each element,
  ///     and only rounds and searches for scales.
  /// - Throws: `unsupported` where no quantizer knows these arguments; `notFinite` where the weight
  ///   has an infinite or NaN element.
  package func makeWeightQuantizer(
    for weight: Tensor, scaleDType: DType, globalScale: Float? = nil, isTuned: Bool = true
  ) throws(InputError) -> any HostWeightQuantizer {
    if let blocks {
      return try BlockWeightQuantizer(
        weight: weight, arguments: self, type: blocks, isTuned: isTuned)
    }
    switch type {
    case .int:
      return try IntegerWeightQuantizer(
        weight: weight, arguments: self, scaleDType: scaleDType, isTuned: isTuned)
    case .float:
      return try FloatWeightQuantizer(
        weight: weight, arguments: self, scaleDType: scaleDType, globalScale: globalScale,
        isTuned: isTuned)
    }
  }

  /// Bytes that the quantizer of a weight takes beside the weight as it is stored.
  ///
  /// - Parameter offsets: How its offsets are held; nil for a weight that is only rounded.
  package func quantizerByteCount(
    rows: Int, columns: Int, dtype: DType, offsets: OffsetType?
  ) throws(InputError) -> Int {
    let arrays =
      blocks != nil
      ? BlockWeightQuantizer.arrays
      : type == .int ? IntegerWeightQuantizer.arrays : FloatWeightQuantizer.arrays
    // Those of the quantizer, and of the weight that it is finished to.
    let superBlocks =
      if case .superBlocks = blocks {
        rows * columns / KQuantType.superBlockSize * 2 * MemoryLayout<KQuantSuperBlock>.stride
      } else { 0 }
    return superBlocks
      + ParameterState.byteCount(
        try grouping(rows: rows, columns: columns), arrays, dtype: dtype, offsets: offsets)
  }

  /// The most bytes for each weight of what ``WeightQuantizer/finished()`` and a layout make of a weight:
  /// codes and packed codes.
  package static let finishedBytesPerWeight = 2
}
