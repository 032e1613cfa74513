import JSONText

/// A source that is quantized already, as the numbers that its layers stand for.
struct QuantizedSource {
  private var weights: [String: StoredWeight] = [:]
  /// The tensors by the names that layers have in full precision.
  private let stored: [String: StoredTensor]

  /// What speaks of activations, beside layers and attention.
  private static let activations: Set = [
    "input_scale", "input_global_scale", "k_scale", "v_scale",
  ]

  /// - Returns: Nil for one whose configuration speaks of no quantization that is read here.
  init?(_ configuration: JSONValue, _ tensors: [String: StoredTensor]) {
    // What is wrong with the source is no matter of its copy; a layer that cannot be read is missed by the comparison.
    var report = VerificationReport()
    if RowDescription.isMeant(by: configuration) {
      let rows = RowTensors(tensors)
      stored = rows.tensors
      guard let description = RowDescription(configuration, &report) else { return nil }
      for (module, parts) in StoredTensors.byModule(stored) where parts["scales"] != nil {
        guard let weight = parts["weight"], weight.dtype == "U32", weight.shape.count == 2,
          let scheme = description.scheme(of: rows.stacks[module] ?? module),
          let shape = scheme.format.elements.size(of: weight.shape, scheme)
        else { continue }
        weights[module] = StoredWeight(module, scheme, shape, stored)
      }
      return
    }
    stored = tensors
    guard configuration["quantization_config"] != nil,
      var description = QuantizationDescription(configuration, &report)
    else { return nil }
    let layers = StoredTensors.byModule(stored).filter { StoredFormat.recognises($1) }
    for (module, layer) in description.check(layers, &report) {
      weights[module] = StoredWeight(module, layer.scheme, layer.shape, stored)
    }
  }

  /// All tensors of the source in full precision: weights in the type of their scales if that has 16 bits.
  ///
  /// - Parameter dtype: That of the model, which other weights have.
  func tensors(dtype: String) -> [String: SourceTensor] {
    var tensors: [String: SourceTensor] = [:]
    for (name, tensor) in stored {
      let suffix = String(name.split(separator: ".").last ?? "")
      let isPart = suffix != "bias" && weights[String(name.dropLast(suffix.count + 1))] != nil
      if isPart || Self.activations.contains(suffix) { continue }
      tensors[name] = SourceTensor(tensor)
    }
    for (module, weight) in weights {
      tensors["\(module).weight"] = SourceTensor(
        "\(module).weight", .rows(weight),
        dtype: ["BF16", "F16"].contains(weight.scaleType) ? weight.scaleType : dtype,
        shape: [weight.rows, weight.columns])
    }
    return tensors
  }
}
