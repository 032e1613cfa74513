/// Searches the scale of a symmetric sub-block: `w ≈ scale * q` with q from `-n` to `n - 1`.
///
/// The weight of the largest magnitude becomes `-(n + offset)`, offsets from -0.9 to 0.9, 0 first;
/// the scale is then that of weighted least squares for the codes this gives, `Σwxq / Σwq²`. That
/// leaves a loss of `Σwx² - (Σwxq)² / Σwq²`, so the candidate with the largest quotient wins.
///
/// After `make_qx_quants` of llama.cpp. All arithmetic is f32.
struct SymmetricSearch {
  /// n, 2^(bits - 1).
  let middle: Float

  /// - Parameters:
  ///   - x, weight: A sub-block, and what errors in it weigh: `count` pieces each.
  /// - Returns: A scale of either sign; 0 for zeros.
  func search(_ x: UnsafePointer<Lanes>, _ weight: UnsafePointer<Lanes>, count: Int) -> Float {
    let reciprocal = Self.largest(x, count: count).reciprocalOrZero
    guard reciprocal != 0 else { return 0 }
    var (sumXL, sumL2) = sums(-middle * reciprocal, x, weight, count)
    var scale = sumXL * sumL2.reciprocalOrZero
    var best = scale * sumXL
    for step in -9...9 where step != 0 {
      let factor = Float(-(Double(middle) + -0.1 * Double(step)))
      (sumXL, sumL2) = sums(factor * reciprocal, x, weight, count)
      if sumL2 > 0, sumXL * sumXL > best * sumL2 {
        scale = sumXL / sumL2
        best = scale * sumXL
      }
    }
    return scale.orZero
  }

  /// The weight of the largest magnitude, the first of several.
  static func largest(_ x: UnsafePointer<Lanes>, count: Int) -> Float {
    var magnitude = x[0].magnitudes
    for i in 1..<count {
      let other = x[i].magnitudes
      magnitude.replace(with: other, where: other .> magnitude)
    }
    let greatest = magnitude.max()
    for i in 0..<count {
      for lane in 0..<Lanes.scalarCount where x[i][lane].magnitude == greatest { return x[i][lane] }
    }
    return 0
  }

  /// Σwxq and Σwq² of the codes that a reciprocal scale gives.
  @inline(__always) private func sums(
    _ inverse: Float, _ x: UnsafePointer<Lanes>, _ weight: UnsafePointer<Lanes>, _ count: Int
  ) -> (xl: Float, l2: Float) {
    var (xl, l2) = (Lanes.zero, Lanes.zero)
    for i in 0..<count {
      let q = (x[i] * inverse).rounded(from: -middle, through: middle - 1)
      xl += weight[i] * x[i] * q
      l2 += weight[i] * q * q
    }
    return (xl.total, l2.total)
  }
}
