package import Diagnostics
package import Tensors

/// Weights whose codes somebody else has chosen.
extension QuantizationArguments {
  /// Makes a weight of codes and scales, if they are what these arguments have room for.
  ///
  /// - Parameters:
  ///   - globalScale: What all scales are divided by; nil: that of `source` where the format has one.
  ///   - source: The weight in full precision.
  /// - Throws: `invalidValue` or `notFinite` with the parameter at fault as place; `unsupported` for blocks, whose scales
  ///   only a search gives.
  package func weight(
    grouping: WeightGrouping, codes: [UInt8], scales: [Float], zeroPoints: [UInt8]?,
    globalScale: Float?, like source: Tensor
  ) throws(InputError) -> QuantizedWeight {
    func require(_ count: Int, _ expected: Int, _ place: String) throws(InputError) {
      guard count == expected else {
        throw InputError(
          .invalidValue, place: place, "found \(count) numbers, expected \(expected)")
      }
    }
    guard blocks == nil else {
      throw InputError(
        .unsupported, place: "scales",
        "\(text) have scales that are searched, expected a weight that was rounded")
    }
    try require(codes.count, grouping.rows * grouping.columns, "codes")
    try require(scales.count, grouping.parameterCount, "scales")
    try require(zeroPoints?.count ?? 0, isSymmetric ? 0 : scales.count, "zeroPoints")
    for (place, numbers) in [("codes", codes), ("zeroPoints", zeroPoints ?? [])] {
      guard let large = numbers.first(where: { Int($0) >= 1 << bitCount }) else { continue }
      throw InputError(
        .invalidValue, place: place, "found \(large), expected at most \((1 << bitCount) - 1)")
    }
    if floatFormat == .fp8 || floatFormat == .mxfp8, codes.contains(where: { $0 & 0x7F == 0x7F }) {
      throw InputError(.notFinite, place: "codes", "found the bits of NaN")
    }
    let stored = storedScales(scales, dtype: scaleDType(tuning: source.dtype))
    if let index = stored.firstIndex(where: { !$0.isFinite }) {
      throw InputError(
        .notFinite, place: "scales",
        "found \(scales[index]), which is beyond the range of the type that scales are stored in")
    }
    var shared: Float?
    if floatFormat == .nvfp4 {
      if let globalScale {
        shared = globalScale
      } else {
        shared = try FloatWeightQuantizer.globalScale(of: [source])
      }
    }
    return QuantizedWeight(
      arguments: self, grouping: grouping,
      codes: Tensor(codes, shape: [grouping.rows, grouping.columns], dtype: .uint8),
      scales: stored, zeroPoints: isSymmetric ? nil : zeroPoints, globalScale: shared,
      scaleDType: scaleDType(tuning: source.dtype))
  }

  /// Scales as they are stored: rounded to f32, f16 or bf16, to a power of two, or to e4m3; infinite or NaN where one
  /// is beyond the range.
  package func storedScales(_ scales: [Float], dtype: DType) -> [Float] {
    switch floatFormat {
    case .mxfp4, .mxfp8: scales.map(Self.powerOfTwo)
    case .nvfp4: scales.map(Self.e4m3)
    case .fp8, nil: Tensor(scales, shape: [scales.count]).converted(to: dtype).floats()
    }
  }

  /// The nearest power of two that e8m0 has; NaN for a number not above zero.
  private static func powerOfTwo(_ scale: Float) -> Float {
    guard scale > 0, scale.isFinite else { return .nan }
    let below = Float(sign: .plus, exponent: scale.exponent, significand: 1)
    let nearest = scale / below < 1.5 ? below : 2 * below
    return min(max(nearest, 0x1p-126), 0x1p127)
  }

  /// The nearest number of e4m3, half to even; NaN for one below zero or beyond 448.
  private static func e4m3(_ scale: Float) -> Float {
    guard scale >= 0, scale <= 448 else { return .nan }
    let exponent = max(scale == 0 ? -6 : Int(scale.exponent), -6)
    let step = Float(sign: .plus, exponent: exponent - 3, significand: 1)
    return (scale / step).rounded(.toNearestOrEven) * step
  }
}
