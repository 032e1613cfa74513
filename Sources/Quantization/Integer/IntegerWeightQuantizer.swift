import CKernels
package import Diagnostics
package import Tensors

/// Tunes the rounding of a weight to integers of 2 to 8 bits.
///
/// Each weight `w` has a rounding offset `V`; each group two range scales `alpha`, `beta` in 0...1
/// that shrink its least and greatest weight. From these come a scale `s` and a zero point `z`, and
///
/// ```
/// q = clamp(round(w/s + V) + z, least, greatest)
/// y = s * (q - z)
/// ```
///
/// The formulas of `s`, `z` and of all gradients stand in `fake_quant.h`. The start, `V = 0` and
/// `alpha = beta = 1`, is rounding to nearest.
///
/// Numerics:
/// - All arithmetic is f32; `s` is rounded to the type it will be stored in, so that what is tuned is
///   what is stored. Rounding is half to even; gradients pass straight through it.
/// - Groups of equal weights near zero get the least scale there is and integers of zero.
/// - Same bits for every number of threads.
package final class IntegerWeightQuantizer: HostWeightQuantizer {
  package let arguments: QuantizationArguments
  package let scaleDType: DType
  package var rows: Int { state.grouping.rows }
  package var columns: Int { state.grouping.columns }

  /// V, then alpha, then beta; derived are least and greatest weights, scales and zero points, the gradients
  /// of alpha and beta, and the scales that a search has found.
  private let state: ParameterState
  static let arrays = ParameterState.Arrays(ranges: 2, derived: 7, sums: 3)
  private(set) var layer: ck_int_layer
  /// Whether scales and zero points stay as a search has left them.
  private var hasSearchedScales = false

  private var grouping: WeightGrouping { state.grouping }
  private var parameterCount: Int { state.parameterCount }

  /// Starts at rounding to nearest.
  ///
  /// - Parameters:
  ///   - weight: `[rows, columns]`, a floating-point type; f32 and bf16 are used in place.
  ///   - arguments: Of integer weights, one set of parameters per tensor, channel or group.
  ///   - scaleDType: The type that scales are stored in: f32, f16 or bf16.
  ///   - isTuned: Whether parameters will move. Without, the quantizer takes 8 bytes less for each element,
  ///     and only rounds and searches for scales.
  /// - Throws: `unsupported` for other arguments; `notFinite` where an element is infinite or NaN.
  package init(
    weight: Tensor, arguments: QuantizationArguments, scaleDType: DType, isTuned: Bool = true
  ) throws(InputError) {
    try arguments.requireIntegerWeights()
    self.arguments = arguments
    self.scaleDType = scaleDType
    state = try ParameterState(
      weight: weight, arguments: arguments, arrays: Self.arrays, isTuned: isTuned)
    let (grouping, parameters, derived) = (state.grouping, state.parameterCount, state.derived)
    layer = ck_int_layer(
      weight: state.weight.withUnsafeBytes(\.baseAddress), columns: grouping.columns,
      group_size: grouping.groupSize, groups: grouping.groups,
      parameter_stride: grouping.isWholeTensor ? 0 : grouping.groups,
      weight_type: state.weightType, bits: Int32(arguments.numBits),
      symmetric: arguments.isSymmetric ? 1 : 0, scale_type: scaleDType.kernelScaleType,
      value: state.values, value_stride: state.valueStride, alpha: state.ranges,
      beta: state.ranges + parameters,
      wmin: derived, wmax: derived + parameters, initial: nil, scale: derived + 2 * parameters,
      zero: derived + 3 * parameters)
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
        ck_int_quantize(
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
        ck_int_update(
          $0, gradient, learningRate, sums, sums + sumCount, sums + 2 * sumCount,
          begin, end)
      }
    }
    computeRangeGradients()
    ck_sign_step(layer.alpha, rangeGradients, rangeLearningRate, 2 * parameterCount)
  }

  package func keepBest() { state.keepBest() }
  package func restoreBest() { state.restoreBest() }

  package func searchScales(importance: [Float]?) {
    precondition(importance.map { $0.count == columns } ?? true, "one importance for each column")
    guard state.isTuned ? arguments.hasScaleSearch : arguments.hasRoundingSearch else { return }
    ThreadTeam.forRanges(of: rows) { [layer, grouping] begin, end in
      withUnsafeTemporaryAllocation(of: Float.self, capacity: 2 * grouping.groupSize) { scratch in
        withUnsafePointer(to: layer) {
          ck_int_search($0, importance, scratch.baseAddress, begin, end)
        }
      }
    }
    if arguments.isSymmetric {
      start(from: UnsafePointer(layer.scale))
    } else {
      hasSearchedScales = true
    }
  }

  package func finished() throws(InputError) -> QuantizedWeight {
    updateScales()
    let scales = try state.requireStorable(layer.scale, in: scaleDType)
    let codes = state.codes { codes in
      ThreadTeam.forRanges(of: rows) { [layer] begin, end in
        withUnsafePointer(to: layer) { ck_int_codes($0, codes, begin, end) }
      }
    }
    let zeroPoints =
      arguments.isSymmetric ? nil : (0..<parameterCount).map { UInt8(layer.zero[$0]) }
    return QuantizedWeight(
      arguments: arguments, grouping: grouping, codes: codes, scales: scales,
      zeroPoints: zeroPoints, scaleDType: scaleDType)
  }

  // MARK: Parameters and gradients, one by one

  /// Makes `scales`, one for each parameter set of symmetric weights, what beta multiplies in place of
  /// ranges.
  package func start(from scales: UnsafePointer<Float>) {
    precondition(arguments.isSymmetric)
    let initial = state.derived + 6 * parameterCount
    initial.update(from: scales, count: parameterCount)
    layer.initial = UnsafePointer(initial)
    updateScales()
  }

  /// V `[rows, columns]`, alpha and beta `[groups]`: sets what is given.
  package func setParameters(values: [Float]?, alpha: [Float]?, beta: [Float]?) {
    state.set(layer.value, to: values)
    state.set(layer.alpha, to: alpha)
    state.set(layer.beta, to: beta)
    updateScales()
  }

  /// The current V, alpha and beta.
  package var parameters: (values: [Float], alpha: [Float], beta: [Float]) {
    (state.currentValues, state.parameters(layer.alpha), state.parameters(layer.beta))
  }

  /// The gradients that ``step(gradient:learningRate:rangeLearningRate:)`` takes the signs of.
  package func gradients(
    of gradient: UnsafePointer<Float>
  ) -> (values: [Float], alpha: [Float], beta: [Float]) {
    state.requireTuned()
    let (sums, sumCount) = (state.sums, state.sumCount)
    let values: [Float] = state.elements { values in
      withUnsafePointer(to: layer) {
        ck_int_gradients(
          $0, gradient, values, sums, sums + sumCount, sums + 2 * sumCount, 0, rows)
      }
    }
    computeRangeGradients()
    return (
      values, state.parameters(rangeGradients), state.parameters(rangeGradients + parameterCount)
    )
  }

  // MARK: Parts

  /// The gradients of alpha, then those of beta, like the parameters themselves.
  private var rangeGradients: UnsafeMutablePointer<Float> { state.derived + 4 * parameterCount }

  private func findRanges() throws(InputError) {
    let (least, greatest) = (state.sums, state.sums + state.sumCount)
    ThreadTeam.forRanges(of: rows) { [layer] begin, end in
      withUnsafePointer(to: layer) {
        ck_int_ranges($0, least, greatest, begin, end)
      }
    }
    try state.requireNumbers(least)
    let wmin = state.derived
    let wmax = state.derived + parameterCount
    if grouping.isWholeTensor {
      for row in 0..<rows {
        wmin[0] = min(wmin[0], least[row])
        wmax[0] = max(wmax[0], greatest[row])
      }
    } else {
      wmin.update(from: least, count: parameterCount)
      wmax.update(from: greatest, count: parameterCount)
    }
  }

  private func updateScales() {
    guard !hasSearchedScales else { return }
    ThreadTeam.forRanges(of: parameterCount) { [layer] begin, end in
      withUnsafePointer(to: layer) { ck_int_scales($0, begin, end) }
    }
  }

  private func computeRangeGradients() {
    state.addRowsUp(arrays: 3)
    let (sums, sumCount) = (state.sums, state.sumCount)
    ThreadTeam.forRanges(of: parameterCount) {
      [layer, rangeGradients, parameterCount] begin, end in
      withUnsafePointer(to: layer) {
        ck_int_range_gradients(
          $0, sums, sums + sumCount, sums + 2 * sumCount, rangeGradients,
          rangeGradients + parameterCount, begin, end)
      }
    }
  }
}
