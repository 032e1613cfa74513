/// How precisely the backward pass of linear layers is computed.
public enum GradientPrecision: String, Sendable, CaseIterable {
  /// Products of 8-bit integers with a scale for each column, rounded at random so that their mean is exact:
  /// about twice as fast as bf16. Signed gradient descent uses nothing but signs, and sums over
  /// thousands of tokens average the noise.
  case int8
  /// Products in the compute type.
  case full

  /// What is used unless something is asked for: ``int8`` beside bf16, whose own rounding is of the same
  /// kind; ``full`` beside f32.
  public static func automatic(for compute: ComputeType) -> GradientPrecision {
    compute == .bfloat16 ? .int8 : .full
  }

  /// Whether the processor multiplies such numbers in hardware, without saturating sums on the way.
  public var isAvailable: Bool { self == .full || ComputeType.bfloat16.isAvailable }
}
