package import Compute
package import LanguageModels
package import Quantization

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
    for index in blocks.indices {
      let name = blocks[index].name
      var placements: [String: InputQuantization] = [:]
      for layers in blocks[index].block.layersOfOneInput {
        for (position, layer) in layers.enumerated() {
          guard let arguments = schemes["\(name).\(layer)"]?.inputActivations else { continue }
          let quantization = arguments.activationQuantization(rule)
          let owner = try layers[..<position].first { other in
            try placements[other]?.quantization == quantization
              && sharesScale("\(name).\(other)", "\(name).\(layer)")
          }
          let scaleLayer = owner.flatMap { placements[$0]?.scaleLayer } ?? layer
          placements[layer] = InputQuantization(quantization, scaleLayer: scaleLayer)
        }
      }
      result.blocks[index].block.inputQuantization = placements
      result.blocks[index].block.keyValueQuantization = keyValues?.activationQuantization(rule)
    }
    return result
  }
}

extension QuantizationArguments {
  /// What programs make of these arguments, which must be supported ones of activations.
  package func activationQuantization(
    _ rule: ActivationQuantization.Rule
  ) -> ActivationQuantization {
    let number: ActivationQuantization.Number
    switch floatFormat {
    case nil: number = .int(bits: numBits, isSymmetric: isSymmetric)
    case .fp8: number = .fp8
    case .mxfp8: number = .mxfp8
    case .mxfp4: number = .mxfp4
    case .nvfp4: number = .nvfp4
    }
    return ActivationQuantization(
      number, groupSize: groupSize, isStatic: dynamic == .none, rule: rule)
  }
}
