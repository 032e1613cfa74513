/// The search for the scale of a sub-block of q3_k where no importance is given: `w ≈ scale * q`.
///
/// Codes start at the plain scale, where the weight of the largest magnitude becomes `-n`. Five
/// times over, one weight after another is given the code that suits the scale of all others best.
/// Errors weigh `x²`; the scale is `Σwxq / Σwq²`.
///
/// After `make_q3_quants` of llama.cpp, but with the sums as AutoRound has them: they follow the
/// code that was *tried* for a weight, also where it was not taken, and lose a weight whose code is
/// tried again. So they are not those of the codes, and scales are farther from the best than where
/// the search began: on normally distributed weights the root of the mean squared error is a seventh
/// larger. In some sub-blocks hardly anything is left of the sums, and the scale is a multiple of
/// any that fits, which takes precision from the whole super-block: from one in 250 there. Where it
/// is more than twice the plain scale, and only there, the result is the scale that the search began
/// with.
///
/// All arithmetic is f32.
struct SymmetricDescent {
  /// n, 2^(bits - 1).
  let middle: Float

  /// - Parameter x: A sub-block of `count` pieces.
  /// - Returns: A scale of either sign; 0 for zeros.
  func search(_ x: UnsafePointer<Lanes>, count: Int) -> Float {
    let largest = SymmetricSearch.largest(x, count: count)
    let inverse = -middle * largest.reciprocalOrZero
    return withUnsafeTemporaryAllocation(of: Lanes.self, capacity: count) { codes in
      var (xl, l2) = (Lanes.zero, Lanes.zero)
      for i in 0..<count {
        let q = (x[i] * inverse).rounded(from: -middle, through: middle - 1)
        let weight = x[i] * x[i]
        codes.initializeElement(at: i, to: q)
        xl += weight * x[i] * q
        l2 += weight * q * q
      }
      var sums = (xl: xl.total, l2: l2.total)
      let start = sums.xl * sums.l2.reciprocalOrZero
      for _ in 0..<5 {
        for i in 0..<count {
          for lane in 0..<Lanes.scalarCount {
            improve(&codes[i][lane], of: x[i][lane], &sums)
          }
        }
      }
      let scale = sums.xl * sums.l2.reciprocalOrZero
      let isSensible = scale.magnitude <= 2 * largest.magnitude / middle
      return (isSensible ? scale : start).orZero
    }
  }

  /// Tries the code of one weight anew.
  @inline(__always) private func improve(
    _ code: inout Float, of x: Float, _ sums: inout (xl: Float, l2: Float)
  ) {
    let weight = x * x
    var xl = sums.xl - weight * x * code
    var l2 = sums.l2 - weight * code * code
    if xl > 0 {
      let tried = Lanes(repeating: x * l2 / xl).rounded(from: -middle, through: middle - 1)[0]
      if tried != code {
        xl += weight * x * tried
        l2 += weight * tried * tried
      }
      if l2 > 0, xl * xl * sums.l2 > sums.xl * sums.xl * l2 { code = tried }
    }
    sums = (xl, l2)
  }
}
