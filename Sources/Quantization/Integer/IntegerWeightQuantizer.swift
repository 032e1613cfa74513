package import CKernels
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
package final class IntegerWeightQuantizer: GroupQuantizer<ck_int_layer>, HostWeightQuantizer {
  /// Alpha and beta beside V; derived are least and greatest weights, scales and zero points, the gradients
  /// of alpha and beta, and the scales that a search has found.
  static let arrays = ParameterState.Arrays(ranges: 2, derived: 7, sums: 3)

  /// Starts at rounding to nearest.
  ///
  /// - Parameters:
  ///   - weight: `[rows, columns]`, a floating-point type; f32 and bf16 are used in place.
  ///   - arguments: Of integer weights, one set of parameters per tensor, channel or group.
  ///   - scaleDType: The type that scales are stored in: f32, f16 or bf16.
  ///   - isTuned: Whether parameters will move. Without, the quantizer takes at least 3 bytes less for each element,
  ///     and only rounds and searches for scales.
  /// - Throws: `unsupported` for other arguments; `notFinite` where an element is infinite or NaN.
  package init(
    weight: Tensor, arguments: QuantizationArguments, scaleDType: DType, isTuned: Bool = true
  ) throws(InputError) {
    try arguments.requireIntegerWeights()
    let state = try ParameterState(
      weight: weight, arguments: arguments, arrays: Self.arrays, isTuned: isTuned)
    let (grouping, parameters, derived) = (state.grouping, state.parameterCount, state.derived)
    let layer = ck_int_layer(
      weight: state.weight.withUnsafeBytes(\.baseAddress), columns: grouping.columns,
      group_size: grouping.groupSize, groups: grouping.groups,
      parameter_stride: grouping.isWholeTensor ? 0 : grouping.groups,
      weight_type: state.weightType, bits: Int32(arguments.bitCount),
      symmetric: arguments.isSymmetric ? 1 : 0, scale_type: scaleDType.kernelScaleType,
      offsets: state.offsets.layer, alpha: state.ranges,
      beta: state.ranges + parameters,
      wmin: derived, wmax: derived + parameters, initial: nil, scale: derived + 2 * parameters,
      zero: derived + 3 * parameters)
    super.init(state, layer, Self.kernels, arguments: arguments, scaleDType: scaleDType)
    try findRanges()
    updateScales()
  }

  private static var kernels: QuantizerKernels<ck_int_layer> {
    QuantizerKernels(
      scales: ck_int_scales, quantize: ck_int_quantize, codes: ck_int_codes,
      meaning: { layer in
        // Codes count from the least integer; that of symmetric ones is -middle.
        let middle: Float = layer.symmetric == 0 ? 0 : Float(1 << (layer.bits - 1))
        return CodeMeaning(
          format: nil, scale: { layer.scale[$0] }, zero: { layer.zero[$0] + middle })
      },
      update: { layer, gradient, rate, sums, count, begin, end in
        ck_int_update(layer, gradient, rate, sums, sums + count, sums + 2 * count, begin, end)
      },
      gradients: { layer, gradient, values, sums, count, begin, end in
        ck_int_gradients(layer, gradient, values, sums, sums + count, sums + 2 * count, begin, end)
      },
      rangeGradients: { layer, sums, count, ranges, parameterCount, begin, end in
        ck_int_range_gradients(
          layer, sums, sums + count, sums + 2 * count, ranges, ranges + parameterCount, begin, end)
      })
  }

  package func searchScales(importance: [Float]?) {
    precondition(importance.map { $0.count == columns } ?? true, "one importance for each column")
    guard state.isTuned ? arguments.hasScaleSearch : arguments.hasRoundingSearch else { return }
    forRanges(of: rows) { layer, begin, end in
      withUnsafeTemporaryAllocation(of: Float.self, capacity: 2 * grouping.groupSize) { scratch in
        ck_int_search(layer, importance, scratch.baseAddress, begin, end)
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
    let zeroPoints =
      arguments.isSymmetric ? nil : (0..<parameterCount).map { UInt8(layer.zero[$0]) }
    return QuantizedWeight(
      arguments: arguments, grouping: grouping, codes: codes(), scales: scales,
      zeroPoints: zeroPoints, scaleDType: scaleDType)
  }

  /// Makes `scales`, one for each parameter set of symmetric weights, what beta multiplies in place of
  /// ranges.
  package func start(from scales: UnsafePointer<Float>) {
    precondition(arguments.isSymmetric)
    let initial = state.derived + 6 * parameterCount
    initial.update(from: scales, count: parameterCount)
    layer.initial = UnsafePointer(initial)
    updateScales()
  }

  private func findRanges() throws(InputError) {
    let (least, greatest) = (state.sums, state.sums + state.sumCount)
    forRanges(of: rows) { ck_int_ranges($0, least, greatest, $1, $2) }
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
}
