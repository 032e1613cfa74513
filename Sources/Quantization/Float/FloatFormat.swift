import CKernels
package import Diagnostics
package import Tensors

/// The kinds of float that weights and activations are rounded to.
package enum FloatFormat: Sendable, CaseIterable {
  /// e4m3 with scales as floats.
  case fp8
  /// e4m3 in groups of 32 whose scales are powers of two.
  case mxfp8
  /// e2m1 in groups of 32 whose scales are powers of two.
  case mxfp4
  /// e2m1 in groups of 16 whose scales are e4m3 numbers divided by a scale of the tensor.
  case nvfp4

  var kernel: ck_float_format {
    switch self {
    case .fp8: CK_FP8
    case .mxfp8: CK_MXFP8
    case .mxfp4: CK_MXFP4
    case .nvfp4: CK_NVFP4
    }
  }

  /// The least scale of FP8, that of zeros.
  package static let leastScale = ck_least_fp8_scale

  /// The scale of a tensor in NVFP4 whose largest magnitude is `largest`, above zero: that of its group
  /// is then about 448, the greatest number of e4m3.
  package static func globalScale(ofLargest largest: Float) -> Float {
    // Magnitudes below 2^-49 are as good as zero; their scales would leave the range of f32.
    min(448 * 6 / largest, 0x1p60)
  }

  /// The type that scales are stored in; nil: the model's.
  package var scaleDType: DType? {
    switch self {
    case .fp8: nil
    case .mxfp8, .mxfp4: .uint8
    case .nvfp4: .float8E4M3
    }
  }
}

extension QuantizationArguments {
  /// The kind of float that these arguments mean; nil for integers and for no known kind.
  package var floatFormat: FloatFormat? {
    guard type == .float else { return nil }
    switch (bitCount, groupSize) {
    case (4, 32): return .mxfp4
    case (4, 16): return .nvfp4
    case (8, 32) where scaleDType == .uint8: return .mxfp8
    case (8, _): return .fp8
    default: return nil
    }
  }

  /// The kind of float of weights.
  ///
  /// - Throws: `unsupported` for what the kernels do not know, with the key as the place.
  package func requireFloatWeights() throws(InputError) -> FloatFormat {
    guard let format = floatFormat else {
      throw InputError(
        .unsupported, place: "group_size",
        "found \(groupSize.map { "\($0)" } ?? "null"), expected 32 (MXFP4) or 16 (NVFP4) for "
          + "\(summary) weights")
    }
    let strategies: [Strategy]
    switch format {
    case .fp8: strategies = [.tensor, .channel, .group, .block]
    case .mxfp8, .mxfp4: strategies = [.group]
    case .nvfp4: strategies = [.tensorGroup]
    }
    guard strategies.contains(strategy) else {
      throw InputError(
        .unsupported, place: "strategy",
        "found \(strategy.rawValue), expected "
          + strategies.map(\.rawValue).joined(separator: ", ") + " for \(summary) weights"
          + (groupSize.map { " in groups of \($0)" } ?? ""))
    }
    try requireScaleType()
    try requirePlainWeights()
    return format
  }
}
