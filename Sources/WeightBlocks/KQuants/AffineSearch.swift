/// Searches the scale and the minimum of an asymmetric sub-block: `x ≈ scale * q - minimum`.
///
/// Candidates round the weights to the range's `divisor`-th part. For the codes `q` that this
/// gives, weighted least squares has the best scale and least value; a least value above 0 cannot
/// be stored, and there the best scale alone is taken. The weights are then rounded with these, and
/// the candidate that loses least wins, if it loses less than the plain scale, the range over the
/// greatest code. The range begins at the least value of the best candidate so far, at first at the
/// least weight.
///
/// After `make_qkx2_quants` of llama.cpp, with AutoRound's divisors. All arithmetic is f32.
struct AffineSearch {
  /// What an error of a weight costs, before it is weighted.
  enum Loss {
    case magnitude
    case square
  }

  /// The greatest code.
  let greatest: Float
  private let loss: Loss
  private let firstOffset: Double
  private let offsetStep: Double
  private let candidateCount: Int

  /// - Parameters:
  ///   - type: An asymmetric type.
  ///   - isImportanceKnown: Whether errors are weighted by an importance from outside.
  init(type: KQuantType, isImportanceKnown: Bool) {
    precondition(type.isAsymmetric)
    greatest = Float((1 << type.bitCount) - 1)
    loss = type == .q2K && !isImportanceKnown ? .magnitude : .square
    (firstOffset, offsetStep, candidateCount) =
      isImportanceKnown ? (-0.9, 0.05, 36) : type == .q4K ? (-1, 0.1, 20) : (-0.5, 0.1, 15)
  }

  /// With an importance from outside, for codes up to `greatest`.
  init(greatest: Float) {
    (self.greatest, loss) = (greatest, .square)
    (firstOffset, offsetStep, candidateCount) = (-0.9, 0.05, 36)
  }

  /// - Parameters:
  ///   - x, weight: A sub-block, and what errors in it weigh: `count` pieces each.
  /// - Returns: A scale and a minimum that are not negative; both are 0 for zeros.
  func search(
    _ x: UnsafePointer<Lanes>, _ weight: UnsafePointer<Lanes>, count: Int
  ) -> (scale: Float, minimum: Float) {
    var (lowest, highest) = (x[0], x[0])
    var (weightSum, xSum) = (weight[0], weight[0] * x[0])
    for i in 1..<count {
      lowest.replace(with: x[i], where: x[i] .< lowest)
      highest.replace(with: x[i], where: x[i] .> highest)
      weightSum += weight[i]
      xSum += weight[i] * x[i]
    }
    let (sumW, sumX) = (weightSum.total, xSum.total)
    // The reference starts from a least weight above 0 too. Where no candidate is better it ends
    // with a negative minimum, which no file can hold.
    let (least, most) = (min(lowest.min(), 0), highest.max())

    var best = (scale: (most - least) / greatest, least: least)
    var bestLoss = lossOf(best.scale, best.least, x, weight, count)
    for candidate in 0..<candidateCount {
      let offset = firstOffset + offsetStep * Double(candidate)
      let divisor = Float(offset + Double(greatest))
      let inverse = ((most - best.least) / divisor).reciprocalOrZero
      var (l, l2, xl) = (Lanes.zero, Lanes.zero, Lanes.zero)
      for i in 0..<count {
        let q = ((x[i] - best.least) * inverse).rounded(from: 0, through: greatest)
        let weighted = q * weight[i]
        l += weighted
        l2 += weighted * q
        xl += weighted * x[i]
      }
      let (sumL, sumL2, sumXL) = (l.total, l2.total, xl.total)
      let determinant = sumW * sumL2 - sumL * sumL
      guard determinant > 0 else { continue }
      var scale = (sumW * sumXL - sumX * sumL) / determinant
      var fitted = (sumL2 * sumX - sumL * sumXL) / determinant
      if fitted > 0 {
        fitted = 0
        scale = sumXL / sumL2
      }
      let loss = lossOf(scale, fitted, x, weight, count)
      if loss < bestLoss {
        bestLoss = loss
        best = (scale, fitted)
      }
    }
    // Where sums lose all their digits the best scale can come out below 0.
    return (max(best.scale.orZero, 0), -best.least)
  }

  /// What rounding with a scale and a least value loses; NaN for a scale that is NaN.
  @inline(__always) private func lossOf(
    _ scale: Float, _ least: Float, _ x: UnsafePointer<Lanes>, _ weight: UnsafePointer<Lanes>,
    _ count: Int
  ) -> Float {
    let inverse = scale.reciprocalOrZero
    var sum = Lanes.zero
    for i in 0..<count {
      let q = ((x[i] - least) * inverse).rounded(from: 0, through: greatest)
      let difference = q * scale + least - x[i]
      sum += weight[i] * (loss == .square ? difference * difference : difference.magnitudes)
    }
    return sum.total
  }
}
