package import Diagnostics
package import Tensors

/// The tuning state of one linear layer's weight under one scheme: the weight as it was, the
/// parameters that decide how it is rounded, and the best of them so far.
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
  func quantizeDequantize(into output: UnsafeMutableRawPointer, dtype: DType, rowStride: Int)

  /// One step of signed gradient descent on the parameters behind the weight written last.
  ///
  /// - Parameters:
  ///   - gradient: `[rows, columns]`, of the loss with respect to that weight. NaN counts as zero.
  ///   - learningRate: Step of the rounding offsets.
  ///   - rangeLearningRate: Step of the range scales.
  func step(gradient: UnsafePointer<Float>, learningRate: Float, rangeLearningRate: Float)

  /// Remembers the current parameters.
  func keepBest()

  /// Makes the remembered parameters the current ones.
  func restoreBest()

  /// What the current parameters make of the weight, as it is stored.
  ///
  /// - Throws: `notFinite` where a scale is infinite or NaN.
  func finished() throws(InputError) -> QuantizedWeight
}

extension QuantizationArguments {
  /// The quantizer of a weight under these arguments: the table of weight schemes.
  ///
  /// - Parameters:
  ///   - weight: `[rows, columns]`, a floating-point type.
  ///   - scaleDType: The type that scales are stored in: f32, f16 or bf16.
  /// - Throws: `unsupported` where no quantizer knows these arguments; `notFinite` where the weight
  ///   has an infinite or NaN element.
  package func makeWeightQuantizer(
    for weight: Tensor, scaleDType: DType
  ) throws(InputError) -> any WeightQuantizer {
    switch type {
    case .int:
      return try IntegerWeightQuantizer(weight: weight, arguments: self, scaleDType: scaleDType)
    case .float:
      throw InputError(.unsupported, "\(summary) weights are not supported yet; int weights are")
    }
  }
}
