/// How activations are rounded to the numbers that a runtime computes with.
package struct ActivationQuantization: Hashable, Sendable {
  /// The kind of number.
  package enum Number: Hashable, Sendable {
    /// Integers of 2 to 8 bits.
    case int(bitCount: Int, isSymmetric: Bool)
    /// e4m3 with f32 scales.
    case fp8
    /// e4m3 and e2m1 with powers of two as scales.
    case mxfp8, mxfp4
    /// e2m1 with e4m3 scales and a scale of the whole tensor, which is calibrated.
    case nvfp4
  }

  /// Where scales come from; `activation_quant.h` has the formulas.
  package enum Rule: Hashable, Sendable {
    /// As tuning finds them.
    case tuning
    /// As runtimes find them.
    case runtime
  }

  package var number: Number
  /// Neighbouring columns of a token that share a scale; nil: all of them.
  package var groupSize: Int?
  /// Whether the scale of FP8 or of symmetric integers is calibrated rather than found for each token or
  /// group.
  package var isStatic: Bool
  package var rule: Rule

  package init(_ number: Number, groupSize: Int? = nil, isStatic: Bool = false, rule: Rule) {
    self.number = number
    self.groupSize = groupSize
    self.isStatic = isStatic
    self.rule = rule
  }

  /// What a calibrated scale makes of the largest magnitude: the greatest number of FP8; for integers the
  /// middle between the magnitudes of both ends, as compressed-tensors has it.
  package var greatest: Float {
    switch number {
    case .int(let bitCount, _): Float(1 << (bitCount - 1)) - 0.5
    case .fp8, .mxfp8: 448
    case .mxfp4, .nvfp4: 6
    }
  }

  /// Whether a number from calibration is needed: a static scale, or the global scale of NVFP4.
  package var hasCalibratedScale: Bool { isStatic || number == .nvfp4 }
}

/// What happens to activations that a program can quantize.
package enum ActivationMode: Sendable {
  /// They are quantized.
  case quantized
  /// They pass as they are.
  case passed
  /// They pass as they are, and their range is remembered.
  case observed
}
