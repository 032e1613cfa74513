import Diagnostics
import JSONText

/// What `quantization_config` says about the inputs of a group of layers, or about keys and values.
struct ActivationScheme: Equatable {
  /// When the scale of a value is found.
  enum Moment: Equatable {
    /// Before: the checkpoint has it.
    case calibration
    /// While the model runs.
    case inference
    /// That of a group while the model runs, and one for all of them before.
    case both
  }

  var bitCount: Int
  var type: String
  var strategy: String
  var isSymmetric: Bool
  var moment: Moment

  init?(_ fields: JSONValue) {
    guard let bitCount = fields["num_bits"]?.intValue, let type = fields["type"]?.stringValue,
      let strategy = fields["strategy"]?.stringValue,
      let isSymmetric = fields["symmetric"]?.boolValue
    else { return nil }
    (self.bitCount, self.type, self.strategy, self.isSymmetric) = (
      bitCount, type, strategy, isSymmetric
    )
    switch fields["dynamic"] {
    case .string("local"): moment = .both
    case .bool(true): moment = .inference
    default: moment = .calibration
    }
  }
}

/// The scales of activations that the configuration asks for.
struct ActivationScaleCheck {
  let description: QuantizationDescription
  let tensors: [String: StoredTensor]
  /// The quantized layers with their schemes.
  let layers: [String: LayerScheme]

  func run(_ report: inout VerificationReport) {
    for (module, scheme) in layers.sorted(by: { $0.key < $1.key }) {
      switch scheme.inputs?.moment {
      case .calibration: check("\(module).input_scale", ["BF16", "F16", "F32"], &report)
      case .both: check("\(module).input_global_scale", ["F32"], &report)
      case .inference, nil:
        for suffix in ["input_scale", "input_global_scale"]
        where tensors["\(module).\(suffix)"] != nil {
          report.add(
            .contract, "\(module).\(suffix)",
            "has no meaning: \(quoted(scheme.group)) asks for no such scale")
        }
      }
    }
    guard description.keysAndValues?.moment == .calibration else {
      for name in tensors.keys.sorted()
      where name.hasSuffix(".k_scale") || name.hasSuffix(".v_scale") {
        report.add(.contract, name, "has no meaning: there is no kv_cache_scheme")
      }
      return
    }
    let suffix = ".k_proj.weight"
    let stored = tensors.keys.compactMap { name in
      [suffix, ".k_proj.weight_packed"].first { name.hasSuffix($0) }
        .map { String(name.dropLast($0.count)) }
    }
    for module in Set(stored).sorted() {
      check("\(module).k_scale", ["BF16", "F16", "F32"], &report)
      check("\(module).v_scale", ["BF16", "F16", "F32"], &report)
    }
  }

  private func check(_ name: String, _ dtypes: [String], _ report: inout VerificationReport) {
    guard let scale = tensors[name] else { return report.add(.damage, name, "is missing") }
    guard dtypes.contains(scale.dtype), scale.shape == [1], let value = scale.floats?.first else {
      return report.add(
        .damage, name, "is \(scale.kind), expected \(dtypes.joined(separator: " or ")) [1]")
    }
    if !(value.isFinite && value > 0) {
      report.add(.damage, name, "is \(value), expected a positive number")
    }
  }
}
