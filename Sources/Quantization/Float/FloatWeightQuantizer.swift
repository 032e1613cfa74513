package import CKernels
package import Diagnostics
package import Tensors
import WeightBlocks

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
package final class FloatWeightQuantizer: GroupQuantizer<ck_float_layer>, HostWeightQuantizer {
  package let format: FloatFormat

  /// Beta beside V; derived are largest magnitudes, three arrays of scales, and the gradients of beta.
  static let arrays = ParameterState.Arrays(ranges: 1, derived: 5, sums: 2)

  /// The scale of a tensor, or of several tensors that a runtime puts into one: 448 * 6 over the
  /// largest magnitude, so that the largest scale of a group is about 448; 0 for zeros.
  ///
  /// - Throws: `notFinite` where an element is infinite or NaN.
  package static func globalScale(of weights: [Tensor]) throws(InputError) -> Float {
    var largest: Float = 0
    for weight in weights {
      for magnitude in weight.largestMagnitudes {
        guard magnitude.isFinite else {
          throw InputError(.notFinite, "the weight has an element that is infinite or NaN")
        }
        largest = max(largest, magnitude)
      }
    }
    return largest == 0 ? 0 : FloatFormat.globalScale(ofLargest: largest)
  }

  /// Starts at rounding to nearest.
  ///
  /// - Parameters:
  ///   - weight: `[rows, columns]`, a floating-point type; f32 and bf16 are used in place.
  ///   - arguments: Of weights as floats.
  ///   - scaleDType: The type that FP8 scales are stored in: f32, f16 or bf16. The other formats have
  ///     their own.
  ///   - globalScale: That of the tensors which the weight shares it with; nil: the weight's own.
  ///   - isTuned: Whether parameters will move. Without, the quantizer takes at least 3 bytes less for each element,
  ///     and only rounds and searches for scales.
  /// - Throws: `unsupported` for other arguments; `notFinite` where an element is infinite or NaN.
  package init(
    weight: Tensor, arguments: QuantizationArguments, scaleDType: DType, globalScale: Float? = nil,
    isTuned: Bool = true
  ) throws(InputError) {
    format = try arguments.requireFloatWeights()
    let state = try ParameterState(
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
    let layer = ck_float_layer(
      weight: state.weight.withUnsafeBytes(\.baseAddress), columns: grouping.columns,
      group_size: grouping.groupSize, groups: grouping.groups, row_span: grouping.rowSpan,
      weight_type: state.weightType, format: format.kernel,
      scale_type: format == .fp8 ? scaleDType.kernelScaleType : CK_SCALE_F32, global: global,
      beta_limit: 1, offsets: state.offsets.layer, beta: state.ranges,
      greatest: derived,
      scale: derived + parameters, inverse: derived + 2 * parameters,
      stored: derived + 3 * parameters)
    super.init(
      state, layer, Self.kernels, arguments: arguments,
      scaleDType: format.scaleDType ?? scaleDType)
    try findRanges()
    updateScales()
  }

  private static var kernels: QuantizerKernels<ck_float_layer> {
    QuantizerKernels(
      scales: ck_float_scales, quantize: ck_float_quantize, codes: ck_float_codes,
      meaning: { layer in
        CodeMeaning(format: layer.format, scale: { layer.scale[$0] }, zero: { _ in 0 })
      },
      update: { layer, gradient, rate, sums, count, begin, end in
        ck_float_update(layer, gradient, rate, sums, sums + count, begin, end)
      },
      gradients: { layer, gradient, values, sums, count, begin, end in
        ck_float_gradients(layer, gradient, values, sums, sums + count, begin, end)
      },
      rangeGradients: { layer, sums, count, ranges, _, begin, end in
        ck_float_range_gradients(layer, sums, sums + count, ranges, begin, end)
      })
  }

  package func searchScales(importance: [Float]?) {
    precondition(importance.map { $0.count == columns } ?? true, "one importance for each column")
    guard arguments.hasScaleSearch else { return }
    // The factors take the place of the sums, of which there are as many.
    let (greatest, factors) = (state.derived, state.sums)
    forRanges(of: rows) { ck_float_search($0, importance, factors, $1, $2) }
    for parameter in 0..<parameterCount {
      greatest[parameter] = min(greatest[parameter] * factors[parameter], .greatestFiniteMagnitude)
    }
    layer.beta_limit = 2
    updateScales()
  }

  package func finished() throws(InputError) -> QuantizedWeight {
    updateScales()
    let scales = try state.requireStorable(layer.stored, in: scaleDType)
    return QuantizedWeight(
      arguments: arguments, grouping: grouping, codes: codes(), scales: scales,
      globalScale: format == .nvfp4 ? layer.global : nil, scaleDType: scaleDType)
  }

  private func findRanges() throws(InputError) {
    let (found, greatest) = (state.sums, state.derived)
    forRanges(of: rows) { ck_float_greatest($0, found, $1, $2) }
    try state.requireNumbers(found)
    for row in 0..<rows {
      for group in 0..<grouping.groups {
        let parameter = grouping.parameter(row: row, group: group)
        greatest[parameter] = max(greatest[parameter], found[row * grouping.groups + group])
      }
    }
  }
}
