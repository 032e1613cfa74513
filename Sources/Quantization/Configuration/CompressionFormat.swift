package import Diagnostics
import Tensors

/// How the tensors of a quantized layer are laid out in a checkpoint; the raw values are the names
/// in files.
public enum CompressionFormat: String, Sendable, CaseIterable {
  /// Weights as they are.
  case dense
  /// Integers of 1 to 8 bits in 32-bit words.
  case packQuantized = "pack-quantized"
  /// A byte for each weight.
  case intQuantized = "int-quantized"
  /// An 8-bit float for each weight.
  case floatQuantized = "float-quantized"
  /// Whatever type the arguments name, without activations.
  case naiveQuantized = "naive-quantized"
  /// 4-bit floats in pairs, groups of 16.
  case nvfp4PackQuantized = "nvfp4-pack-quantized"
  /// 4-bit floats in pairs, groups of 32 with a power of two each.
  case mxfp4PackQuantized = "mxfp4-pack-quantized"
  /// 8-bit floats, groups of 32 with a power of two each.
  case mxfp8Quantized = "mxfp8-quantized"
  /// Groups that differ in format.
  case mixedPrecision = "mixed-precision"
}

extension CompressionFormat {
  /// The numbers that it stores: kinds of floats, and nil for integers.
  var kinds: [FloatFormat?] {
    switch self {
    case .packQuantized, .intQuantized: [nil]
    case .floatQuantized: [.fp8]
    case .naiveQuantized: [nil, .fp8]
    case .nvfp4PackQuantized: [.nvfp4]
    case .mxfp4PackQuantized: [.mxfp4]
    case .mxfp8Quantized: [.mxfp8]
    case .dense, .mixedPrecision: []
    }
  }

  /// Refuses weights whose numbers it does not store.
  package func requireHolds(_ weights: QuantizationArguments) throws(InputError) {
    guard kinds.contains(try weights.requireKind()) else {
      throw InputError(
        .invalidValue, place: "num_bits",
        "found \(weights.summary) weights, which are not stored in this format")
    }
  }
}

extension QuantizationArguments {
  /// The kind of float of weights, nil for integers.
  ///
  /// - Throws: `unsupported` for what the kernels do not know, with the key as the place.
  func requireKind() throws(InputError) -> FloatFormat? {
    if type == .float { return try requireFloatWeights() }
    try requireIntegerWeights()
    return nil
  }
}

extension QuantizationScheme {
  /// The format in which layers of this scheme are stored: ``format`` if it is set, else the one
  /// that compressed-tensors infers from the arguments, but for integers that vLLM only multiplies with
  /// their inputs where they are packed.
  package var resolvedFormat: CompressionFormat {
    if let format { return format }
    guard let weights else { return .dense }
    switch (weights.type, weights.bitCount, weights.groupSize) {
    case (.float, 4, 32): return .mxfp4PackQuantized
    case (.float, 8, 32) where weights.scaleDType == .uint8: return .mxfp8Quantized
    case (.float, 4, 16): return .nvfp4PackQuantized
    case (.int, _, _): return isMultipliedPacked(weights) ? .packQuantized : .intQuantized
    case (.float, _, _): return inputActivations == nil ? .naiveQuantized : .floatQuantized
    }
  }

  /// Whether integers stand in words: beside inputs as they are, and beside those for each token with which
  /// vLLM multiplies packed integers only. It reads 8 bits with a scale for each row, and symmetric 4 bits,
  /// from bytes if the inputs are integers of 8 bits.
  private func isMultipliedPacked(_ weights: QuantizationArguments) -> Bool {
    guard let inputs = inputActivations else { return true }
    guard inputs.strategy == .token, inputs.dynamic == .all, inputs.isSymmetric,
      [.group, .channel].contains(weights.strategy)
    else { return false }
    if inputs.type == .float {
      return weights.bitCount == 4 && weights.strategy == .group && weights.isSymmetric
    }
    let isReadFromBytes =
      inputs.bitCount == 8 && weights.isSymmetric
      && (weights.bitCount == 4 || weights.bitCount == 8 && weights.strategy == .channel)
    return !isReadFromBytes
  }
}
