/// What an error in each column of a weight weighs, given from outside, made ready for groups of
/// columns.
///
/// A column whose inputs were never other than zero has an importance of zero, and no error there
/// would count. So in groups (the columns of a sub-block) with a few such columns they get the mean
/// of the others; a group with more of them falls back to weights that follow from its elements:
/// `|w|` for at most 3 bits, else `|w| + sqrt(Σw² / 32)`.
///
/// From AutoRound. There a group of q3_k or q6_k whose columns are all zero becomes NaN, and an
/// element that is zero in a group that falls back may get the mean of a group elsewhere.
struct ColumnImportance {
  /// For each group, its pieces, one group after another.
  let lanes: [Lanes]
  /// For each group, whether it falls back.
  let fallsBack: [Bool]
  /// The mean of all columns.
  let mean: Float

  /// - Parameters:
  ///   - importance: A number for each column, finite and not negative; columns in full sub-blocks.
  /// - Returns: Nil where all are zero.
  init?(_ importance: [Float], type: KQuantType) {
    guard let greatest = importance.max(), greatest > 0 else { return nil }
    let factor = Self.factor(ofGreatest: greatest)
    let importance = importance.map { $0 * factor }
    let hasZeros = importance.contains(0)
    let size = type.subBlockSize
    // The reference counts as if symmetric types had groups of 32: more than 16 are never zero.
    let mostZeros = type.isAsymmetric ? size / 2 : size - 1
    var (lanes, fallsBack): ([Lanes], [Bool]) = ([], [])
    lanes.reserveCapacity(importance.count / Lanes.scalarCount)
    for first in stride(from: 0, to: importance.count, by: size) {
      let group = importance[first..<first + size]
      var pieces = stride(from: first, to: first + size, by: Lanes.scalarCount).map {
        Lanes(importance[$0..<$0 + Lanes.scalarCount])
      }
      let zeros = group.count { $0 <= 1e-30 }
      let falls = hasZeros && zeros > mostZeros
      if hasZeros, zeros > 0, !falls {
        let mean = pieces.dropFirst().reduce(pieces[0], +).total / Float(size - zeros)
        for index in pieces.indices {
          pieces[index].replace(with: mean, where: pieces[index] .== 0)
        }
      }
      lanes += pieces
      fallsBack.append(falls)
    }
    (self.lanes, self.fallsBack) = (lanes, fallsBack)
    mean = importance.reduce(0, +) / Float(importance.count)
  }

  /// What all importances are multiplied with, so that products of sums of them stay within f32: 1
  /// where the greatest is of a usual size, else a power of two, which rounds nothing.
  static func factor(ofGreatest greatest: Float) -> Float {
    if (0x1p-32...0x1p32).contains(greatest) { return 1 }
    return Float(sign: .plus, exponent: min(-Int(greatest.exponent), 127), significand: 1)
  }
}
