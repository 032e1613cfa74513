/// How precisely the backward pass of linear layers is computed.
public enum GradientPrecision: String, Sendable, CaseIterable {
  /// Products of 8-bit integers with a scale for each column, rounded at random so that their mean is exact:
  /// about twice as fast as bf16. Signed gradient descent uses nothing but signs, and sums over
  /// thousands of tokens average the noise.
  case int8
  /// Products in the compute type.
  case full
}
