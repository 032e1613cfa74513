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
package final class IntegerWeightQuantizer: WeightQuantizer {
  package let arguments: QuantizationArguments
  package let scaleDType: DType
  package var rows: Int { grouping.rows }
  package var columns: Int { grouping.columns }

  let grouping: WeightGrouping
  /// f32 or bf16. Held because ``layer`` points into it.
  private let weight: Tensor
  /// V, then alpha, then beta.
  private let current: UnsafeMutablePointer<Float>
  private let best: UnsafeMutablePointer<Float>
  /// Least and greatest weights, scales and zero points, the gradients of alpha and beta, and the
  /// scales that a search has found.
  private let derived: UnsafeMutablePointer<Float>
  /// Three sums for each group of each row.
  private let sums: UnsafeMutablePointer<Float>
  private(set) var layer: ck_int_layer

  private var elementCount: Int { rows * columns }
  private var parameterCount: Int { grouping.parameterCount }
  /// Groups of all rows; differs from the number of parameter sets only for one set per tensor.
  private var sumCount: Int { rows * grouping.groups }
  private var currentCount: Int { elementCount + 2 * parameterCount }

  /// Starts at rounding to nearest.
  ///
  /// - Parameters:
  ///   - weight: `[rows, columns]`, a floating-point type; f32 and bf16 are used in place.
  ///   - arguments: Of integer weights, one set of parameters per tensor, channel or group.
  ///   - scaleDType: The type that scales are stored in: f32, f16 or bf16.
  /// - Throws: `unsupported` for other arguments; `notFinite` where an element is infinite or NaN.
  package init(
    weight: Tensor, arguments: QuantizationArguments, scaleDType: DType
  ) throws(InputError) {
    precondition(weight.shape.count == 2, "a weight has rows and columns, not \(weight.shape)")
    try arguments.requireIntegerWeights()
    guard weight.count > 0 else {
      throw InputError(.malformed, "the weight is empty: its shape is \(weight.shape)")
    }
    let usesInPlace = weight.dtype == .float32 || weight.dtype == .bfloat16
    self.weight = usesInPlace ? weight : weight.converted(to: .float32)
    self.arguments = arguments
    self.scaleDType = scaleDType
    grouping = try arguments.grouping(rows: weight.shape[0], columns: weight.shape[1])

    let elements = grouping.rows * grouping.columns
    let parameters = grouping.parameterCount
    current = .allocate(capacity: elements + 2 * parameters)
    current.initialize(repeating: 0, count: elements)
    (current + elements).initialize(repeating: 1, count: 2 * parameters)
    best = .allocate(capacity: elements + 2 * parameters)
    best.initialize(from: current, count: elements + 2 * parameters)
    derived = .allocate(capacity: 7 * parameters)
    derived.initialize(repeating: 0, count: 7 * parameters)
    sums = .allocate(capacity: 3 * grouping.rows * grouping.groups)
    sums.initialize(repeating: 0, count: 3 * grouping.rows * grouping.groups)
    layer = ck_int_layer(
      weight: self.weight.withUnsafeBytes(\.baseAddress), columns: grouping.columns,
      group_size: grouping.groupSize, groups: grouping.groups,
      parameter_stride: grouping.isWholeTensor ? 0 : grouping.groups,
      weight_type: self.weight.dtype == .bfloat16 ? CK_BF16 : CK_F32,
      bits: Int32(arguments.numBits), symmetric: arguments.isSymmetric ? 1 : 0,
      scale_type: scaleDType.kernelScaleType,
      value: current, alpha: current + elements, beta: current + elements + parameters,
      wmin: derived, wmax: derived + parameters, initial: nil, scale: derived + 2 * parameters,
      zero: derived + 3 * parameters)
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
        ck_int_quantize(
          $0, output, dtype == .bfloat16 ? CK_BF16 : CK_F32, rowStride, begin, end)
      }
    }
  }

  package func step(
    gradient: UnsafePointer<Float>, learningRate: Float, rangeLearningRate: Float
  ) {
    ThreadTeam.forRanges(of: rows) { [layer, sums, sumCount] begin, end in
      withUnsafePointer(to: layer) {
        ck_int_update(
          $0, gradient, learningRate, sums, sums + sumCount, sums + 2 * sumCount,
          begin, end)
      }
    }
    computeRangeGradients()
    ck_sign_step(layer.alpha, rangeGradients, rangeLearningRate, 2 * parameterCount)
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
    guard arguments.isSymmetric, !grouping.isWholeTensor else { return }
    ThreadTeam.forRanges(of: rows) { [layer, grouping] begin, end in
      withUnsafeTemporaryAllocation(of: Float.self, capacity: 2 * grouping.groupSize) { scratch in
        withUnsafePointer(to: layer) {
          ck_int_search($0, importance, scratch.baseAddress, begin, end)
        }
      }
    }
    start(from: UnsafePointer(layer.scale))
  }

  package func finished() throws(InputError) -> QuantizedWeight {
    updateScales()
    return try quantizedWeight()
  }

  // MARK: Parameters and gradients, one by one

  /// Makes `scales`, one for each parameter set of symmetric weights, what beta multiplies in place of
  /// ranges.
  package func start(from scales: UnsafePointer<Float>) {
    precondition(arguments.isSymmetric)
    let initial = derived + 6 * parameterCount
    initial.update(from: scales, count: parameterCount)
    layer.initial = UnsafePointer(initial)
    updateScales()
  }

  /// V `[rows, columns]`, alpha and beta `[groups]`: sets what is given.
  package func setParameters(values: [Float]?, alpha: [Float]?, beta: [Float]?) {
    for (target, source, count) in [
      (layer.value, values, elementCount), (layer.alpha, alpha, parameterCount),
      (layer.beta, beta, parameterCount),
    ] {
      guard let source, let target else { continue }
      precondition(source.count == count, "\(source.count) parameters for \(count)")
      target.update(from: source, count: count)
    }
    updateScales()
  }

  /// The current V, alpha and beta.
  package var parameters: (values: [Float], alpha: [Float], beta: [Float]) {
    (
      Array(UnsafeBufferPointer(start: layer.value, count: elementCount)),
      Array(UnsafeBufferPointer(start: layer.alpha, count: parameterCount)),
      Array(UnsafeBufferPointer(start: layer.beta, count: parameterCount))
    )
  }

  /// The gradients that ``step(gradient:learningRate:rangeLearningRate:)`` takes the signs of.
  package func gradients(
    of gradient: UnsafePointer<Float>
  ) -> (values: [Float], alpha: [Float], beta: [Float]) {
    let values = [Float](unsafeUninitializedCapacity: elementCount) { target, count in
      count = elementCount
      guard let base = target.baseAddress else { return }
      withUnsafePointer(to: layer) {
        ck_int_gradients(
          $0, gradient, base, sums, sums + sumCount, sums + 2 * sumCount, 0, rows)
      }
    }
    computeRangeGradients()
    return (
      values, Array(UnsafeBufferPointer(start: rangeGradients, count: parameterCount)),
      Array(UnsafeBufferPointer(start: rangeGradients + parameterCount, count: parameterCount))
    )
  }

  // MARK: Parts

  /// The gradients of alpha, then those of beta, like the parameters themselves.
  private var rangeGradients: UnsafeMutablePointer<Float> { derived + 4 * parameterCount }

  private func findRanges() throws(InputError) {
    let least = sums
    let greatest = sums + sumCount
    ThreadTeam.forRanges(of: rows) { [layer] begin, end in
      withUnsafePointer(to: layer) {
        ck_int_ranges($0, least, greatest, begin, end)
      }
    }
    if let bad = (0..<sumCount).first(where: { least[$0].isNaN }) {
      throw InputError(
        .notFinite,
        "row \(bad / grouping.groups) of the weight has an element that is infinite or NaN")
    }
    let wmin = derived
    let wmax = derived + parameterCount
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
    ThreadTeam.forRanges(of: parameterCount) { [layer] begin, end in
      withUnsafePointer(to: layer) { ck_int_scales($0, begin, end) }
    }
  }

  private func computeRangeGradients() {
    if grouping.isWholeTensor {
      // One parameter set for the tensor: the rows' sums are added in their order.
      for sum in [sums, sums + sumCount, sums + 2 * sumCount] {
        var total: Float = 0
        for row in 0..<rows { total += sum[row] }
        sum[0] = total
      }
    }
    ThreadTeam.forRanges(of: parameterCount) {
      [layer, sums, sumCount, rangeGradients, parameterCount] begin, end in
      withUnsafePointer(to: layer) {
        ck_int_range_gradients(
          $0, sums, sums + sumCount, sums + 2 * sumCount, rangeGradients,
          rangeGradients + parameterCount, begin, end)
      }
    }
  }

  /// The integers of the current scales and offsets.
  private func quantizedWeight() throws(InputError) -> QuantizedWeight {
    let scales = Array(UnsafeBufferPointer(start: layer.scale, count: parameterCount))
    guard scales.allSatisfy(\.isFinite) else {
      throw InputError(
        .notFinite,
        "a scale is beyond the range of \(scaleDType.rawValue), the type it is stored in")
    }
    let codes = [UInt8](unsafeUninitializedCapacity: elementCount) { target, count in
      count = elementCount
      guard let base = target.baseAddress else { return }
      ThreadTeam.forRanges(of: rows) { [layer] begin, end in
        withUnsafePointer(to: layer) {
          ck_int_codes($0, base, begin, end)
        }
      }
    }
    let zeroPoints =
      arguments.isSymmetric ? nil : (0..<parameterCount).map { UInt8(layer.zero[$0]) }
    return QuantizedWeight(
      arguments: arguments, grouping: grouping, codes: codes, scales: scales,
      zeroPoints: zeroPoints, scaleDType: scaleDType)
  }
}
