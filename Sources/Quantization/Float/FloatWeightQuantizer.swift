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
package final class FloatWeightQuantizer: WeightQuantizer {
  package let arguments: QuantizationArguments
  package let format: FloatFormat
  package let scaleDType: DType
  package var rows: Int { grouping.rows }
  package var columns: Int { grouping.columns }

  private let grouping: WeightGrouping
  /// f32 or bf16. Held because ``layer`` points into it.
  private let weight: Tensor
  /// V, then beta.
  private let current: UnsafeMutablePointer<Float>
  private let best: UnsafeMutablePointer<Float>
  /// Largest magnitudes, three arrays of scales, and the gradients of beta.
  private let derived: UnsafeMutablePointer<Float>
  /// Two sums for each group of each row.
  private let sums: UnsafeMutablePointer<Float>
  private var layer: ck_float_layer

  private var elementCount: Int { rows * columns }
  private var parameterCount: Int { grouping.parameterCount }
  private var sumCount: Int { rows * grouping.groups }
  private var currentCount: Int { elementCount + parameterCount }

  /// The scale of a tensor, or of several tensors that a runtime puts into one: 448 * 6 over the
  /// largest magnitude, so that the largest scale of a group is about 448; 0 for zeros.
  ///
  /// - Throws: `notFinite` where an element is infinite or NaN.
  package static func globalScale(of weights: [Tensor]) throws(InputError) -> Float {
    var largest: Float = 0
    for weight in weights {
      let widened = weight.dtype == .bfloat16 ? weight : weight.converted(to: .float32)
      let type = weight.dtype == .bfloat16 ? CK_BF16 : CK_F32
      var (least, greatest): (Float, Float) = (0, 0)
      widened.withUnsafeBytes {
        ck_activation_extremes(
          type, $0.baseAddress, weight.count, weight.count, &least, &greatest, 0, 1)
      }
      guard least.isFinite, greatest.isFinite else {
        throw InputError(.notFinite, "the weight has an element that is infinite or NaN")
      }
      largest = max(largest, -least, greatest)
    }
    // Weights below 2^-49 are as good as zero; their scales would leave the range of f32.
    return largest == 0 ? 0 : min(2688 / largest, 0x1p60)
  }

  /// Starts at rounding to nearest.
  ///
  /// - Parameters:
  ///   - weight: `[rows, columns]`, a floating-point type; f32 and bf16 are used in place.
  ///   - arguments: Of weights as floats.
  ///   - scaleDType: The type that FP8 scales are stored in: f32, f16 or bf16. The other formats have
  ///     their own.
  ///   - globalScale: That of the tensors which the weight shares it with; nil: the weight's own.
  /// - Throws: `unsupported` for other arguments; `notFinite` where an element is infinite or NaN.
  package init(
    weight: Tensor, arguments: QuantizationArguments, scaleDType: DType, globalScale: Float? = nil
  ) throws(InputError) {
    precondition(weight.shape.count == 2, "a weight has rows and columns, not \(weight.shape)")
    format = try arguments.requireFloatWeights()
    guard weight.count > 0 else {
      throw InputError(.malformed, "the weight is empty: its shape is \(weight.shape)")
    }
    let usesInPlace = weight.dtype == .float32 || weight.dtype == .bfloat16
    self.weight = usesInPlace ? weight : weight.converted(to: .float32)
    self.arguments = arguments
    self.scaleDType = format.scaleDType ?? scaleDType
    grouping = try arguments.grouping(rows: weight.shape[0], columns: weight.shape[1])
    var global: Float = 0
    if format == .nvfp4 {
      if let globalScale {
        global = globalScale
      } else {
        global = try Self.globalScale(of: [self.weight])
      }
    }

    let elements = grouping.rows * grouping.columns
    let parameters = grouping.parameterCount
    current = .allocate(capacity: elements + parameters)
    current.initialize(repeating: 0, count: elements)
    (current + elements).initialize(repeating: 1, count: parameters)
    best = .allocate(capacity: elements + parameters)
    best.initialize(from: current, count: elements + parameters)
    derived = .allocate(capacity: 5 * parameters)
    derived.initialize(repeating: 0, count: 5 * parameters)
    sums = .allocate(capacity: 2 * grouping.rows * grouping.groups)
    sums.initialize(repeating: 0, count: 2 * grouping.rows * grouping.groups)
    layer = ck_float_layer(
      weight: self.weight.withUnsafeBytes(\.baseAddress), columns: grouping.columns,
      group_size: grouping.groupSize, groups: grouping.groups, row_span: grouping.rowSpan,
      weight_type: self.weight.dtype == .bfloat16 ? CK_BF16 : CK_F32, format: format.kernel,
      scale_type: format == .fp8 ? scaleDType.kernelScaleType : CK_SCALE_F32, global: global,
      beta_limit: 1, value: current, beta: current + elements, greatest: derived,
      scale: derived + parameters, inverse: derived + 2 * parameters,
      stored: derived + 3 * parameters)
    try findRanges()
    updateScales()
  }

  deinit {
    current.deallocate()
    best.deallocate()
    derived.deallocate()
    sums.deallocate()
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
    ThreadTeam.forRanges(of: rows) { [layer, sums, sumCount] begin, end in
      withUnsafePointer(to: layer) {
        ck_float_update($0, gradient, learningRate, sums, sums + sumCount, begin, end)
      }
    }
    computeRangeGradients()
    ck_sign_step(layer.beta, rangeGradients, rangeLearningRate, parameterCount)
  }

  package func keepBest() {
    ThreadTeam.forRanges(of: currentCount) { [best, current] begin, end in
      (best + begin).update(from: current + begin, count: end - begin)
    }
  }

  package func restoreBest() {
    current.update(from: best, count: currentCount)
  }

  package func searchScales(importance: [Float]?) {
    precondition(importance.map { $0.count == columns } ?? true, "one importance for each column")
    guard format != .fp8 else { return }
    // The factors take the place of the sums, of which there are as many.
    ThreadTeam.forRanges(of: rows) { [layer, sums] begin, end in
      withUnsafePointer(to: layer) { ck_float_search($0, importance, sums, begin, end) }
    }
    for parameter in 0..<parameterCount {
      derived[parameter] = min(derived[parameter] * sums[parameter], .greatestFiniteMagnitude)
    }
    layer.beta_limit = 2
    updateScales()
  }

  package func finished() throws(InputError) -> QuantizedWeight {
    updateScales()
    let scales = Array(UnsafeBufferPointer(start: layer.stored, count: parameterCount))
    guard scales.allSatisfy(\.isFinite) else {
      throw InputError(
        .notFinite,
        "a scale is beyond the range of \(scaleDType.rawValue), the type it is stored in")
    }
    let codes = [UInt8](unsafeUninitializedCapacity: elementCount) { target, count in
      count = elementCount
      guard let base = target.baseAddress else { return }
      ThreadTeam.forRanges(of: rows) { [layer] begin, end in
        withUnsafePointer(to: layer) { ck_float_codes($0, base, begin, end) }
      }
    }
    return QuantizedWeight(
      arguments: arguments, grouping: grouping, codes: codes, scales: scales,
      globalScale: format == .nvfp4 ? layer.global : nil, scaleDType: scaleDType)
  }

  // MARK: Parameters and gradients, one by one

  /// V `[rows, columns]` and beta: sets what is given.
  package func setParameters(values: [Float]?, beta: [Float]?) {
    for (target, source, count) in [
      (layer.value, values, elementCount), (layer.beta, beta, parameterCount),
    ] {
      guard let source, let target else { continue }
      precondition(source.count == count, "\(source.count) parameters for \(count)")
      target.update(from: source, count: count)
    }
    updateScales()
  }

  /// The current V and beta.
  package var parameters: (values: [Float], beta: [Float]) {
    (
      Array(UnsafeBufferPointer(start: layer.value, count: elementCount)),
      Array(UnsafeBufferPointer(start: layer.beta, count: parameterCount))
    )
  }

  /// The gradients that ``step(gradient:learningRate:rangeLearningRate:)`` takes the signs of.
  package func gradients(of gradient: UnsafePointer<Float>) -> (values: [Float], beta: [Float]) {
    let values = [Float](unsafeUninitializedCapacity: elementCount) { target, count in
      count = elementCount
      guard let base = target.baseAddress else { return }
      withUnsafePointer(to: layer) {
        ck_float_gradients($0, gradient, base, sums, sums + sumCount, 0, rows)
      }
    }
    computeRangeGradients()
    return (values, Array(UnsafeBufferPointer(start: rangeGradients, count: parameterCount)))
  }

  // MARK: Parts

  private var rangeGradients: UnsafeMutablePointer<Float> { derived + 4 * parameterCount }

  private func findRanges() throws(InputError) {
    ThreadTeam.forRanges(of: rows) { [layer, sums] begin, end in
      withUnsafePointer(to: layer) { ck_float_greatest($0, sums, begin, end) }
    }
    if let bad = (0..<sumCount).first(where: { sums[$0].isNaN }) {
      throw InputError(
        .notFinite,
        "row \(bad / grouping.groups) of the weight has an element that is infinite or NaN")
    }
    for row in 0..<rows {
      for group in 0..<grouping.groups {
        let parameter = grouping.parameter(row: row, group: group)
        derived[parameter] = max(derived[parameter], sums[row * grouping.groups + group])
      }
    }
  }

  private func updateScales() {
    ThreadTeam.forRanges(of: parameterCount) { [layer] begin, end in
      withUnsafePointer(to: layer) { ck_float_scales($0, begin, end) }
    }
  }

  private func computeRangeGradients() {
    let groups = grouping.groups
    if grouping.rowSpan > 1 {
      // The sums of rows with common parameters are added in the order of the rows.
      for sum in [sums, sums + sumCount] {
        for first in stride(from: 0, to: rows, by: grouping.rowSpan) {
          for group in 0..<groups {
            var total: Float = 0
            for row in first..<min(first + grouping.rowSpan, rows) {
              total += sum[row * groups + group]
            }
            sum[grouping.parameter(row: first, group: group)] = total
          }
        }
      }
    }
    ThreadTeam.forRanges(of: parameterCount) { [layer, sums, sumCount, rangeGradients] begin, end in
      withUnsafePointer(to: layer) {
        ck_float_range_gradients($0, sums, sums + sumCount, rangeGradients, begin, end)
      }
    }
  }
}
