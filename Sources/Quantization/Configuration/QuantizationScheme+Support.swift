package import Diagnostics
import Tensors

extension QuantizationScheme {
  /// Whether layers stay as they are: weights and inputs alike.
  package var isUnquantized: Bool {
    weights == nil && inputActivations == nil && outputActivations == nil
  }

  /// Refuses what cannot be tuned, written and read, and keys that would be recorded without being true.
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
        throw error.below(prefix + key)
      }
    }
    guard !isUnquantized else { return try requireNoFormat(prefix) }
    guard let weights else {
      throw InputError(
        .unsupported, place: prefix + "weights",
        "is null beside quantized inputs; expected quantized weights, or null for both")
    }
    try check("weights") { () throws(InputError) in
      _ = try weights.requireKind()
      _ = try weights.grouping(rows: 1, columns: 1)
      try weights.requireKeysInUse()
    }
    if let inputActivations {
      try check("input_activations") { () throws(InputError) in
        try inputActivations.requireInputActivations()
        try inputActivations.requireKeysInUse()
        try inputActivations.requireInputs(beside: weights)
      }
    }
    if let outputActivations {
      throw InputError(
        .unsupported, place: prefix + "output_activations",
        "found \(outputActivations.summary), expected null: outputs are not quantized")
    }
    let formats = CompressionFormat.allCases.filter { $0.kinds.contains(weights.floatFormat) }
    guard formats.contains(resolvedFormat) else {
      throw InputError(
        .unsupported, place: prefix + "format",
        "found \(resolvedFormat.rawValue), expected "
          + formats.map(\.rawValue).joined(separator: " or ") + " for these weights"
          + (inputActivations == nil ? "" : " and inputs"))
    }
  }

  private func requireNoFormat(_ prefix: String) throws(InputError) {
    guard resolvedFormat == .dense else {
      throw InputError(
        .unsupported, place: prefix + "format",
        "found \(resolvedFormat.rawValue), expected dense or null for layers that stay as they are")
    }
  }
}
