package import Diagnostics
import Tensors

extension QuantizationScheme {
  /// Refuses what cannot be tuned, written and read.
  ///
  /// - Parameter path: Where the scheme stands, for errors.
  package func requireSupported(path: String = "") throws(InputError) {
    let prefix = path.isEmpty ? "" : path + "."
    func check(
      _ key: String, _ body: () throws(InputError) -> Void
    ) throws(InputError) {
      do {
        try body()
      } catch {
        throw InputError(
          error.code, place: prefix + key + (error.place.map { "." + $0 } ?? ""), error.message)
      }
    }
    guard let weights else {
      throw InputError(.unsupported, place: prefix + "weights", "is missing: nothing to quantize")
    }
    try check("weights") { () throws(InputError) in
      switch weights.type {
      case .int: try weights.requireIntegerWeights()
      case .float: _ = try weights.requireFloatWeights()
      }
      _ = try weights.grouping(rows: 1, columns: 1)
    }
    if let inputActivations {
      try check("input_activations") { () throws(InputError) in
        try inputActivations.requireInputActivations()
      }
    }
    guard outputActivations == nil else {
      throw InputError(
        .unsupported, place: prefix + "output_activations",
        "quantized outputs are not supported; use null")
    }
    let formats = weights.storageFormats
    guard formats.contains(resolvedFormat) else {
      throw InputError(
        .unsupported, place: prefix + "format",
        "found \(resolvedFormat.rawValue), expected "
          + formats.map(\.rawValue).joined(separator: " or ") + " for these weights")
    }
  }
}

extension QuantizationArguments {
  /// The formats that can hold these weights.
  fileprivate var storageFormats: [CompressionFormat] {
    switch floatFormat {
    case .fp8: [.floatQuantized, .naiveQuantized]
    case .mxfp8: [.mxfp8Quantized]
    case .mxfp4: [.mxfp4PackQuantized]
    case .nvfp4: [.nvfp4PackQuantized]
    case nil: [.packQuantized, .intQuantized, .naiveQuantized]
    }
  }

  /// Refuses what the inputs of layers cannot be rounded to.
  package func requireInputActivations() throws(InputError) {
    func expect(
      _ strategies: [Strategy], _ times: [Dynamic], _ words: String
    ) throws(InputError) {
      guard strategies.contains(strategy) else {
        throw InputError(
          .unsupported, place: "strategy",
          "found \(strategy.rawValue), expected "
            + strategies.map(\.rawValue).joined(separator: " or ")
            + " for activations as \(summary)")
      }
      guard times.contains(dynamic) else {
        throw InputError(
          .unsupported, place: "dynamic",
          "found \(dynamic.jsonText), expected \(words) for activations as \(summary) with the "
            + "strategy \(strategy.rawValue)")
      }
    }
    switch type {
    case .int:
      try expect([.token], [.all], "true")
    case .float:
      switch floatFormat {
      case .mxfp4, .mxfp8: try expect([.group], [.all], "true")
      case .nvfp4: try expect([.tensorGroup], [.local], "\"local\"")
      case .fp8 where strategy == .tensor: try expect([.tensor], [.none], "false")
      case .fp8: try expect([.tensor, .token, .group], [.all], "true")
      case nil:
        throw InputError(
          .unsupported, place: "group_size",
          "found \(groupSize.map { "\($0)" } ?? "null"), expected 32 (MXFP4) or 16 (NVFP4) for "
            + "activations as \(summary)")
      }
    }
  }

  /// Refuses what keys and values cannot be rounded to.
  package func requireKeyValues() throws(InputError) {
    guard floatFormat == .fp8, strategy == .tensor, dynamic == .none else {
      throw InputError(
        .unsupported,
        "keys and values are quantized as 8-bit float with the strategy tensor, not dynamically")
    }
  }

  /// The type that weights' scales are stored in where the format decides.
  var storedScaleDType: DType? { floatFormat?.scaleDType ?? scaleDType }
}

extension QuantizationArguments.Dynamic {
  fileprivate var jsonText: String {
    switch self {
    case .none: "false"
    case .all: "true"
    case .local: "\"local\""
    }
  }
}
