extension ProgramRecorder {
  /// Records the quantization of `x` with a scale that was recorded before, if there is a calibrated one:
  /// activations are rounded to the numbers that a runtime computes with; gradients go straight through the
  /// rounding, and through scales that the activations decide.
  ///
  /// A calibrated scale is a parameter of one number. The gradient of a static scale is delivered, that of
  /// NVFP4's global scale is not: it stays as calibrated.
  package mutating func quantizedActivations(
    _ x: Operand, _ quantization: ActivationQuantization, scale: Parameter?
  ) -> Value {
    precondition((scale != nil) == quantization.hasCalibratedScale)
    let y = value(columns: x.columns, rows: rows(of: x.value))
    return append(
      Node(
        operation: .quantization(quantization), inputs: [x], outputs: [y], saved: [x.value],
        parameters: scale.map { [$0] } ?? []))
  }
}

/// Activations of a program that are quantized with a scale from calibration.
package struct QuantizedActivations: Hashable, Sendable {
  /// How they are rounded.
  package let quantization: ActivationQuantization
  package let scale: Parameter

  package init(quantization: ActivationQuantization, scale: Parameter) {
    (self.quantization, self.scale) = (quantization, scale)
  }
}
