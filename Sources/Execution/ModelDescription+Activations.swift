import Checkpoints
package import LanguageModels
package import Quantization
import QuantizedCheckpoints
package import Recordings
import Tensors

extension ModelDescription {
  /// The same model with the inputs of linear layers, and keys and values, quantized.
  ///
  /// Layers that read the same values in the same way share one scale where `sharesScale` allows.
  ///
  /// - Parameters:
  ///   - schemes: By the layers' full names.
  ///   - keyValues: How keys and values are quantized; nil for not at all.
  ///   - sharesScale: Whether the calibrated scale of the first of two layers, by their full names, is
  ///     also the second's.
  package func quantizingActivations(
    schemes: [String: QuantizationScheme], keyValues: QuantizationArguments?,
    rule: ActivationQuantization.Rule, sharesScale: (String, String) throws -> Bool
  ) rethrows -> ModelDescription {
    var result = self
    func plan(_ name: String, _ block: any DecoderBlock) throws -> ActivationPlan {
      try ActivationPlan(
        block, named: name, schemes: schemes, keyValues: keyValues, rule: rule,
        sharesScale: sharesScale)
    }
    for (index, placed) in blocks.enumerated() {
      result.blocks[index].activations = try plan(placed.name, placed.block)
    }
    result.endActivations = try plan("", end)
    return result
  }
}

extension ActivationPlan {
  /// The plan for one block; its parameters are those of ``ModelDescription/quantizingActivations``.
  fileprivate init(
    _ block: any DecoderBlock, named name: String, schemes: [String: QuantizationScheme],
    keyValues: QuantizationArguments?, rule: ActivationQuantization.Rule,
    sharesScale: (String, String) throws -> Bool
  ) rethrows {
    self.init()
    func fullName(_ layer: String) -> String { StoredMatrix.fullName(layer, in: name) }
    for layers in block.layersOfOneInput {
      for (position, layer) in layers.enumerated() {
        guard let arguments = schemes[fullName(layer)]?.inputActivations else { continue }
        let quantization = arguments.activationQuantization(rule)
        let owner = try layers[..<position].first { other in
          try inputs[other]?.quantization == quantization
            && sharesScale(fullName(other), fullName(layer))
        }
        let scale = ActivationScale.ofInputs(arguments)?.name(of: layer)
        inputs[layer] = owner.flatMap { inputs[$0] } ?? Rounding(quantization, scale: scale)
      }
    }
    guard let quantization = keyValues?.activationQuantization(rule) else { return }
    for module in block.attentionModules {
      keys[module] = Rounding(quantization, scale: ActivationScale.key.name(of: module))
      values[module] = Rounding(quantization, scale: ActivationScale.value.name(of: module))
    }
  }
}

extension QuantizationArguments {
  /// What programs make of these arguments, which must be supported ones of activations.
  package func activationQuantization(
    _ rule: ActivationQuantization.Rule
  ) -> ActivationQuantization {
    let number: ActivationQuantization.Number
    switch floatFormat {
    case nil: number = .int(bitCount: bitCount, isSymmetric: isSymmetric)
    case .fp8: number = .fp8
    case .mxfp8: number = .mxfp8
    case .mxfp4: number = .mxfp4
    case .nvfp4: number = .nvfp4
    }
    return ActivationQuantization(
      number, groupSize: groupSize, isStatic: dynamic == .none, rule: rule)
  }
}
