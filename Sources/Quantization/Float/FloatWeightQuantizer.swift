import CKernels
package import Diagnostics
package import Tensors

/// Tunes the rounding of a weight to floats of 4 or 8 bits: ``FloatFormat``.
///
/// Each weight `w` has an offset `V` in units of its scale, each group a range scale `beta` in 0...1
/// that shrinks its largest magnitude `m`:
///
/// ```
/// y = S * nearest(clamp(w/S + V)),   S = scale of m * beta
/// ```
///
/// The formulas of `S` and of all gradients stand in `float_quant.h`. The start, `V = 0` and
/// `beta = 1`, is rounding to nearest.
///
/// Numerics:
/// - All arithmetic is f32. FP8 scales are rounded to the type they will be stored in; the scales of
///   the other formats are exact in theirs.
/// - Groups of zeros stay zeros and their `beta` never moves.
/// - Same bits for every number of threads.
package final class FloatWeightQuantizer: HostWeightQuantizer {
  package let arguments: QuantizationArguments
  package let format: FloatFormat
  package let scaleDType: DType
  package var rows: Int { state.grouping.rows }
  package var columns: Int { state.grouping.columns }

  /// V, then beta; derived are largest magnitudes, three arrays of scales, and the gradients of beta.
  private let state: ParameterState
  static let arrays = ParameterState.Arrays(ranges: 1, derived: 5, sums: 2)
  private var layer: ck_float_layer

  private var grouping: WeightGrouping { state.grouping }
  private var parameterCount: Int { state.parameterCount }

  /// The scale of a tensor, or of several tensors that a runtime puts into one: 448 * 6 over the
  /// largest magnitude, so that the largest scale of a group is about 448; 0 for zeros.
  ///
  /// - Throws: `notFinite` where an element is infinite or NaN.
  package static func globalScale(of weights: [Tensor]) throws(InputError) -> Float {
    var largest: Float = 0
    for weight in weights {
      let magnitude = largestMagnitude(weight)
      guard magnitude.isFinite else {
        throw InputError(.notFinite, "the weight has an element that is infinite or NaN")
      }
      largest = max(largest, magnitude)
    }
    return largest == 0 ? 0 : FloatFormat.globalScale(ofLargest: largest)
  }

  /// The largest magnitude of a weight; infinite or NaN where an element is.
  private static func largestMagnitude(_ weight: Tensor) -> Float {
    let weight = weight.dtype == .bfloat16 ? weight : weight.converted(to: .float32)
    let type = weight.dtype == .bfloat16 ? CK_BF16 : CK_F32
    let (rows, columns) = (weight.shape[0], weight.shape[1])
    // The least of each row, then the greatest; NaN for a row with one.
    let extremes = [Float](unsafeUninitializedCapacity: 2 * rows) { extremes, count in
      count = 2 * rows
      guard let least = extremes.baseAddress else { return }
      weight.withUnsafeBytes { bytes in
        ThreadTeam.forRanges(of: rows) { begin, end in
          ck_activation_extremes(
            type, bytes.baseAddress, columns, columns, least, least + rows, begin, end)
        }
      }
    }
    return extremes.reduce(0) { $0.isNaN || $1.magnitude <= $0 ? $0 : $1.magnitude }
  }

  /// Starts at rounding to nearest.
  ///
  /// - Parameters:
  ///   - weight: `[rows, columns]`, a floating-point type; f32 and bf16 are used in place.
  ///   - arguments: Of weights as floats.
  ///   - scaleDType: The type that FP8 scales are stored in: f32, f16 or bf16. The other formats have
  ///     their own.
  ///   - globalScale: That of the tensors which the weight shares it with; nil: the weight's own.
  ///   - isTuned: Whether parameters will move. Without, the quantizer takes 8 bytes less for each element,
  ///     and only rounds and searches for scales.
  /// - Throws: `unsupported` for other arguments; `notFinite` where an element is infinite or NaN.
  package init(
    weight: Tensor, arguments: QuantizationArguments, scaleDType: DType, globalScale: Float? = nil,
    isTuned: Bool = true
  ) throws(InputError) {
    format = try arguments.requireFloatWeights()
    self.arguments = arguments
    self.scaleDType = format.scaleDType ?? scaleDType
    state = try ParameterState(
      weight: weight, arguments: arguments, arrays: Self.arrays, isTuned: isTuned)
    var global: Float = 0
    if format == .nvfp4 {
      if let globalScale {
        global = globalScale
      } else {
        global = try Self.globalScale(of: [state.weight])
      }
    }
    let (grouping, parameters, derived) = (state.grouping, state.parameterCount, state.derived)
    layer = ck_float_layer(
      weight: state.weight.withUnsafeBytes(\.baseAddress), columns: grouping.columns,
      group_size: grouping.groupSize, groups: grouping.groups, row_span: grouping.rowSpan,
      weight_type: state.weightType, format: format.kernel,
      scale_type: format == .fp8 ? scaleDType.kernelScaleType : CK_SCALE_F32, global: global,
      beta_limit: 1, value: state.values, value_stride: state.valueStride, beta: state.ranges,
      greatest: derived,
      scale: derived + parameters, inverse: derived + 2 * parameters,
      stored: derived + 3 * parameters)
    try findRanges()
    updateScales()
  }

  // MARK: WeightQuantizer

  package func quantizeDequantize(
    into output: UnsafeMutableRawPointer, dtype: DType, rowStride: Int
  ) {
    precondition(dtype == .bfloat16 || dtype == .float32, "weights are computed in bf16 or f32")
    precondition(rowStride >= columns)
    updateScales()
    ThreadTeam.forRanges(of: rows) { [layer] begin, end in
      withUnsafePointer(to: layer) {
        ck_float_quantize(
          $0, output, dtype == .bfloat16 ? CK_BF16 : CK_F32, rowStride, begin, end)
      }
    }
  }

  package func step(
    gradient: UnsafePointer<Float>, learningRate: Float, rangeLearningRate: Float
  ) {
    state.requireTuned()
    let (sums, sumCount) = (state.sums, state.sumCount)
    ThreadTeam.forRanges(of: rows) { [layer] begin, end in
      withUnsafePointer(to: layer) {
        ck_float_update($0, gradient, learningRate, sums, sums + sumCount, begin, end)
      }
    }
    computeRangeGradients()
    ck_sign_step(layer.beta, rangeGradients, rangeLearningRate, parameterCount)
  }

  package func keepBest() { state.keepBest() }
  package func restoreBest() { state.restoreBest() }

  package func searchScales(importance: [Float]?) {
    precondition(importance.map { $0.count == columns } ?? true, "one importance for each column")
    guard arguments.hasScaleSearch else { return }
    // The factors take the place of the sums, of which there are as many.
    let (greatest, factors) = (state.derived, state.sums)
    ThreadTeam.forRanges(of: rows) { [layer] begin, end in
      withUnsafePointer(to: layer) { ck_float_search($0, importance, factors, begin, end) }
    }
    for parameter in 0..<parameterCount {
      greatest[parameter] = min(greatest[parameter] * factors[parameter], .greatestFiniteMagnitude)
    }
    layer.beta_limit = 2
    updateScales()
  }

  package func finished() throws(InputError) -> QuantizedWeight {
    updateScales()
    let scales = try state.requireStorable(layer.stored, in: scaleDType)
    let codes = state.codes { codes in
      ThreadTeam.forRanges(of: rows) { [layer] begin, end in
        withUnsafePointer(to: layer) { ck_float_codes($0, codes, begin, end) }
      }
    }
    return QuantizedWeight(
      arguments: arguments, grouping: grouping, codes: codes, scales: scales,
      globalScale: format == .nvfp4 ? layer.global : nil, scaleDType: scaleDType)
  }

  // MARK: Parameters and gradients, one by one

  /// V `[rows, columns]` and beta: sets what is given.
  package func setParameters(values: [Float]?, beta: [Float]?) {
    state.set(layer.value, to: values)
    state.set(layer.beta, to: beta)
    updateScales()
  }

  /// The current V and beta.
  package var parameters: (values: [Float], beta: [Float]) {
    (state.currentValues, state.parameters(layer.beta))
  }

  /// The gradients that ``step(gradient:learningRate:rangeLearningRate:)`` takes the signs of.
  package func gradients(of gradient: UnsafePointer<Float>) -> (values: [Float], beta: [Float]) {
    state.requireTuned()
    let (sums, sumCount) = (state.sums, state.sumCount)
    let values: [Float] = state.elements { values in
      withUnsafePointer(to: layer) {
        ck_float_gradients($0, gradient, values, sums, sums + sumCount, 0, rows)
      }
    }
    computeRangeGradients()
    return (values, state.parameters(rangeGradients))
  }

  // MARK: Parts

  private var rangeGradients: UnsafeMutablePointer<Float> { state.derived + 4 * parameterCount }

  private func findRanges() throws(InputError) {
    let (found, greatest) = (state.sums, state.derived)
    ThreadTeam.forRanges(of: rows) { [layer] begin, end in
      withUnsafePointer(to: layer) { ck_float_greatest($0, found, begin, end) }
    }
    try state.requireNumbers(found)
    for row in 0..<rows {
      for group in 0..<grouping.groups {
        let parameter = grouping.parameter(row: row, group: group)
        greatest[parameter] = max(greatest[parameter], found[row * grouping.groups + group])
      }
    }
  }

  private func updateScales() {
    ThreadTeam.forRanges(of: parameterCount) { [layer] begin, end in
      withUnsafePointer(to: layer) { ck_float_scales($0, begin, end) }
    }
  }

  private func computeRangeGradients() {
    state.addRowsUp(arrays: 2)
    let (sums, sumCount) = (state.sums, state.sumCount)
    ThreadTeam.forRanges(of: parameterCount) { [layer, rangeGradients] begin, end in
      withUnsafePointer(to: layer) {
        ck_float_range_gradients($0, sums, sums + sumCount, rangeGradients, begin, end)
      }
    }
  }
}
