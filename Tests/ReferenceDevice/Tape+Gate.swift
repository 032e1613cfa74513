import Foundation
package import Recordings

extension Tape {
  /// `f(g) * u`, or `f(g)` without `u`. A single column of `g` is that of all columns of `u`.
  package func gate(_ function: ElementFunction, _ g: Node, _ u: Node? = nil) -> Node {
    var y = u?.value ?? g.value
    let columnsOfNumber = y.columns / g.value.columns
    for index in y.elements.indices {
      y.elements[index] =
        function.value(g.value.elements[index / columnsOfNumber])
        * (u?.value.elements[index] ?? 1)
    }
    return record(y) { dy in
      for index in dy.elements.indices {
        let place = index / columnsOfNumber
        let (x, d) = (g.value.elements[place], dy.elements[index])
        g.gradient.elements[place] += d * (u?.value.elements[index] ?? 1) * function.slope(x)
        u?.gradient.elements[index] += d * function.value(x)
      }
    }
  }
}

extension ElementFunction {
  /// The function by its definition.
  package func value(_ g: Double) -> Double {
    switch self {
    case .silu: g * Self.sigmoid(g)
    case .gelu: g * Self.normalShare(g)
    case .geluTanh: g / 2 * (1 + tanh(Self.inner(g)))
    case .relu: max(g, 0)
    case .squaredReLU: max(g, 0) * max(g, 0)
    case .sigmoid: Self.sigmoid(g)
    case .scaled(let factor): Double(factor) * g
    case .capped(let cap): Double(cap) * tanh(g / Double(cap))
    case .clamped(let bound, let addend):
      min(max(g, -Double(bound)), Double(bound)) + Double(addend)
    case .swish(let factor, let bound):
      min(g, Double(bound)) * Self.sigmoid(Double(factor) * min(g, Double(bound)))
    }
  }

  /// Its derivative.
  package func slope(_ g: Double) -> Double {
    let s = Self.sigmoid(g)
    switch self {
    case .silu: return s + g * s * (1 - s)
    case .gelu: return Self.normalShare(g) + g * exp(-g * g / 2) / (2 * Double.pi).squareRoot()
    case .geluTanh:
      let t = tanh(Self.inner(g))
      let inner = (2 / Double.pi).squareRoot() * (1 + 3 * 0.044715 * g * g)
      return (1 + t) / 2 + g / 2 * (1 - t * t) * inner
    case .relu: return g > 0 ? 1 : 0
    case .squaredReLU: return 2 * max(g, 0)
    case .sigmoid: return s * (1 - s)
    case .scaled(let factor): return Double(factor)
    case .capped(let cap):
      let t = tanh(g / Double(cap))
      return 1 - t * t
    case .clamped(let bound, _): return abs(g) > Double(bound) ? 0 : 1
    case .swish(let factor, let bound):
      let s = Self.sigmoid(Double(factor) * g)
      return g > Double(bound) ? 0 : s + Double(factor) * g * s * (1 - s)
    }
  }

  private static func sigmoid(_ g: Double) -> Double { 1 / (1 + exp(-g)) }
  private static func normalShare(_ g: Double) -> Double { (1 + erf(g / 2.0.squareRoot())) / 2 }
  private static func inner(_ g: Double) -> Double {
    (2 / Double.pi).squareRoot() * (g + 0.044715 * g * g * g)
  }
}
