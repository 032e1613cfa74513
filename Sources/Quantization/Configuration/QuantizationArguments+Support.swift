package import Diagnostics
package import Tensors

extension QuantizationArguments {
  /// Refuses what the inputs of layers cannot be rounded to.
  package func requireInputActivations() throws(InputError) {
    func expect(
      _ strategies: [Strategy], _ time: Dynamic, _ words: String
    ) throws(InputError) {
      guard strategies.contains(strategy) else {
        throw InputError(
          .unsupported, place: "strategy",
          "found \(strategy.rawValue), expected "
            + strategies.map(\.rawValue).joined(separator: " or ")
            + " for activations as \(summary)")
      }
      guard dynamic == time else {
        throw InputError(
          .unsupported, place: "dynamic",
          "found \(dynamic.jsonText), expected \(words) for activations as \(summary) with the "
            + "strategy \(strategy.rawValue)")
      }
    }
    switch floatFormat {
    case .mxfp4, .mxfp8: try expect([.group], .all, "true")
    case .nvfp4: try expect([.tensorGroup], .local, "\"local\"")
    case .fp8 where strategy == .tensor: try expect([.tensor], .none, "false")
    case .fp8: try expect([.tensor, .token, .group], .all, "true")
    case nil where type == .float:
      throw InputError(
        .unsupported, place: "group_size",
        "found \(groupSize.map { "\($0)" } ?? "null"), expected 32 (MXFP4) or 16 (NVFP4) for "
          + "activations as \(summary)")
    case nil where strategy == .tensor:
      try expect([.tensor], .none, "false")
      guard isSymmetric else {
        throw InputError(
          .unsupported, place: "symmetric",
          "found false, expected true for activations with a calibrated scale")
      }
    case nil: try expect([.tensor, .token], .all, "true")
    }
  }

  /// Refuses what keys and values cannot be rounded to, with the key as the place.
  package func requireKeyValues() throws(InputError) {
    func expect(
      _ key: String, _ isMet: Bool, _ found: String, _ expected: String
    ) throws(InputError) {
      guard !isMet else { return }
      throw InputError(
        .unsupported, place: key, "found \(found), expected \(expected) for keys and values")
    }
    try expect("type", type == .float, type.rawValue, "float")
    try expect("num_bits", bitCount == 8, "\(bitCount)", "8")
    try expect("strategy", strategy == .tensor, strategy.rawValue, "tensor")
    try expect("dynamic", dynamic == .none, dynamic.jsonText, "false")
  }

  /// Refuses keys that would be recorded without being followed, with the key as the place: types of
  /// scales and zero points other than those that are stored, and an order of columns.
  package func requireKeysInUse() throws(InputError) {
    try requireOwnOrder()
    try requireScaleType()
    let hasZeroPoint = type == .int && !isSymmetric
    try Self.require(
      zeroPointDType, "zp_dtype", among: hasZeroPoint ? [.int8] : [],
      hasZeroPoint ? "the format decides" : "there are no zero points")
  }

  /// Refuses groups of columns in another order than their own.
  func requireOwnOrder() throws(InputError) {
    guard let activationOrder else { return }
    throw InputError(
      .unsupported, place: "actorder",
      "found \(activationOrder.rawValue), expected null: columns stay in their order")
  }

  /// Refuses a type of scales other than the format's.
  func requireScaleType() throws(InputError) {
    let ofFormat = floatFormat?.scaleDType
    try Self.require(
      scaleDType, "scale_dtype", among: ofFormat.map { [$0] } ?? [],
      ofFormat == nil ? "scales have the type of the weight" : "the format decides")
  }

  private static func require(
    _ found: DType?, _ key: String, among known: [DType], _ reason: String
  ) throws(InputError) {
    guard let found, !known.contains(found) else { return }
    throw InputError(
      .unsupported, place: key,
      "found \(found.torchName), expected \(known.map { $0.torchName + " or " }.joined())null: \(reason)"
    )
  }

  /// Refuses inputs that no reader multiplies with such weights: floats go with inputs of their own kind,
  /// integers with integers or FP8.
  func requireInputs(beside weights: QuantizationArguments) throws(InputError) {
    func mismatch(_ key: String, _ found: String) -> InputError {
      let kinds =
        weights.type == .int
        ? "integers, or floats of 8 bits that are not in groups of 32,"
        : "the same kind of number as the weights, \(weights.kind),"
      return InputError(
        .unsupported, place: key,
        "found \(found), expected \(kinds) or no quantized inputs")
    }
    if weights.type == .int {
      guard type == .float, floatFormat != .fp8 else { return }
      throw mismatch(bitCount == 8 ? "scale_dtype" : "num_bits", kind)
    }
    guard floatFormat != weights.floatFormat else { return }
    throw mismatch(
      type != weights.type
        ? "type"
        : bitCount != weights.bitCount
          ? "num_bits" : groupSize != weights.groupSize ? "group_size" : "scale_dtype", kind)
  }

  /// The kind of number as people call it: `MXFP4`, `8-bit int`.
  private var kind: String {
    switch floatFormat {
    case .fp8: "FP8"
    case .mxfp8: "MXFP8"
    case .mxfp4: "MXFP4"
    case .nvfp4: "NVFP4"
    case nil: summary
    }
  }

  /// The type that weights' scales are stored in where the format decides.
  package var storedScaleDType: DType? { floatFormat?.scaleDType ?? scaleDType }

  /// The type that scales of a weight in the given type are stored in when they are tuned; searches of blocks give f32.
  package func scaleDType(tuning weight: DType) -> DType {
    floatFormat?.scaleDType ?? (blocks == nil ? tunedScaleDType ?? weight : .float32)
  }
}

extension QuantizationArguments.Dynamic {
  /// The value as it stands in files.
  var jsonText: String {
    switch self {
    case .none: "false"
    case .all: "true"
    case .local: "\"local\""
    }
  }
}
