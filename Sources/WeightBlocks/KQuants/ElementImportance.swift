/// Weights of errors that follow from the elements of a sub-block themselves: large ones matter
/// more.
enum ElementImportance {
  /// `|w|`
  case magnitude
  /// `|w| + sqrt(Σw² / 32)`, whatever the size of the sub-block.
  case raisedMagnitude
  /// `w²`
  case square

  /// Writes the weights of `count` pieces.
  @inline(__always) func write(
    to weight: UnsafeMutablePointer<Lanes>, of x: UnsafePointer<Lanes>, count: Int
  ) {
    switch self {
    case .magnitude:
      for i in 0..<count { weight[i] = x[i].magnitudes }
    case .raisedMagnitude:
      var squares = x[0] * x[0]
      for i in 1..<count { squares += x[i] * x[i] }
      let mean = (squares.total / 32).squareRoot()
      for i in 0..<count { weight[i] = x[i].magnitudes + mean }
    case .square:
      for i in 0..<count { weight[i] = x[i] * x[i] }
    }
  }
}

extension KQuantType {
  /// What errors weigh where no importance is given.
  var elementImportance: ElementImportance {
    switch self {
    case .q2K: .magnitude
    case .q4K, .q5K: .raisedMagnitude
    case .q3K, .q6K: .square
    }
  }

  /// What errors weigh in a group whose columns have no importance, while others have.
  var fallbackImportance: ElementImportance { bitCount <= 3 ? .magnitude : .raisedMagnitude }
}
