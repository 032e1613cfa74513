/// How the scales (or the minimums) of a super-block's sub-blocks become integers with one common
/// scale.
///
/// Each function takes `count` pieces of numbers, one number for each sub-block, puts integers in
/// their place and returns the scale `d`, in f32. `d * integer` is then the sub-block's scale.
enum SuperScale {
  /// The greatest number becomes the greatest integer: `d = greatest / integer`.
  ///
  /// - Parameter values: Not negative.
  static func ofGreatest(
    _ values: UnsafeMutablePointer<Lanes>, count: Int, integer: Float
  ) -> Float {
    let greatest = max(Self.greatest(values, count: count), 0)
    let inverse = integer * greatest.reciprocalOrZero
    for i in 0..<count { values[i] = (values[i] * inverse).rounded(from: 0, through: integer) }
    return greatest / integer
  }

  /// The number of the largest magnitude, the first of several, becomes the least integer,
  /// `-middle`.
  static func ofLargest(
    _ values: UnsafeMutablePointer<Lanes>, count: Int, middle: Float
  ) -> Float {
    // A zero of either sign gives 0 with a plus.
    let scale = SymmetricSearch.largest(values, count: count) / -middle + 0
    let inverse = scale.reciprocalOrZero
    for i in 0..<count {
      values[i] = (values[i] * inverse).rounded(from: -middle, through: middle - 1)
    }
    return scale
  }

  /// Searches for the integers that lose least, weighted: candidates make the greatest number
  /// `integer + offset`, offsets from -0.4 to 0.4, 0 first. `d` is then that of weighted least
  /// squares.
  ///
  /// After `make_qp_quants` of llama.cpp without its descent, as in AutoRound.
  ///
  /// - Parameters:
  ///   - values: Not negative.
  ///   - weight: What an error in each number weighs.
  static func searched(
    _ values: UnsafeMutablePointer<Lanes>, _ weight: UnsafePointer<Lanes>, count: Int,
    integer: Float
  ) -> Float {
    let greatest = Self.greatest(values, count: count)
    func loss(_ scale: Float) -> Float {
      let inverse = scale.reciprocalOrZero
      var sum = Lanes.zero
      for i in 0..<count {
        let difference =
          values[i] - scale * (values[i] * inverse).rounded(from: 0, through: integer)
        sum += weight[i] * difference * difference
      }
      return sum.total
    }
    var best = greatest / integer
    var bestLoss = loss(best)
    for step in -4...4 where step != 0 {
      let scale = greatest / Float(0.1 * Double(step) + Double(integer))
      let tried = loss(scale)
      if tried < bestLoss { (best, bestLoss) = (scale, tried) }
    }
    let inverse = best.reciprocalOrZero
    var (xl, l2) = (Lanes.zero, Lanes.zero)
    for i in 0..<count {
      let q = (values[i] * inverse).rounded(from: 0, through: integer)
      xl += weight[i] * values[i] * q
      l2 += weight[i] * q * q
      values[i] = q
    }
    let (sumXL, sumL2) = (xl.total, l2.total)
    return sumL2 > 0 ? sumXL / sumL2 : greatest / integer
  }

  private static func greatest(_ values: UnsafePointer<Lanes>, count: Int) -> Float {
    (1..<count).reduce(values[0].max()) { max($0, values[$1].max()) }
  }
}
