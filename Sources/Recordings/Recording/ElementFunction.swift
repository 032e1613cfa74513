/// A function of one number.
package enum ElementFunction: Hashable, Sendable {
  /// `g sigmoid(g)`.
  case silu
  /// `g / 2 (1 + erf(g / sqrt 2))`.
  case gelu
  /// `g / 2 (1 + tanh(sqrt(2 / pi) (g + 0.044715 g^3)))`.
  case geluTanh
  /// `max(g, 0)`.
  case relu
  /// `max(g, 0)^2`.
  case squaredReLU
  case sigmoid
  /// `factor g`.
  case scaled(Float)
  /// `cap tanh(g / cap)`.
  case capped(Float)
  /// `g`, between `-bound` and `bound`, plus a number.
  case clamped(_ bound: Float, plus: Float = 0)
  /// `h sigmoid(factor h)`, with `h` for `min(g, bound)`.
  case swish(factor: Float, bound: Float)
}
