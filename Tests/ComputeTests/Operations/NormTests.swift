import CPU
import Compute
import Recordings
import TestSupport
import Testing

@Suite(.oneAtATime) struct NormTests {
  // Not a single column: its two terms of dx cancel, and what is left is rounding.
  @Test(arguments: ComputeType.available, [2, 7, 16, 65, 300])
  func resultsAndGradients(compute: ComputeType, columns: Int) throws {
    var twin = Twin(compute, batch: 2, tokens: 5)
    twin.finish(twin.norm(twin.input(columns)))
    try twin.check(.sum)
    try twin.check(.sum, training: .nothing)
  }

  /// Groups of columns with one weight or with their own, with a mean and without, inside a wider value.
  @Test(arguments: ComputeType.available, [true, false, nil])
  func groupsOfColumns(compute: ComputeType, isShared: Bool?) throws {
    for isCentered in [false, true] {
      var twin = Twin(compute, batch: 2, tokens: 5)
      let x = twin.linear(twin.input(60))
      let kind = Normalization(groupSize: 12, isCentered: isCentered, epsilon: 1e-5)
      let a = twin.norm(twin.columns(0..<36, of: x), kind, isShared: isShared)
      let b = twin.norm(twin.columns(36..<60, of: x), kind, isShared: isShared)
      twin.finish(twin.juxtaposed([a, b]))
      try twin.check(.chain)
    }
  }

  @Test(arguments: ComputeType.available, [2, 7, 64, 300])
  func layerNorm(compute: ComputeType, columns: Int) throws {
    for hasBias in [false, true] {
      var twin = Twin(compute, batch: 2, tokens: 5)
      let kind = Normalization(groupSize: columns, isCentered: true, epsilon: 1e-5)
      // A residual beside it: with two columns, what is left of the gradient alone is rounding.
      let x = twin.input(columns)
      twin.finish(twin.add(x, twin.norm(x, kind, hasBias: hasBias)))
      try twin.check(.chain)
      try twin.check(.chain, training: .nothing)
    }
  }

  /// Rows so small that epsilon counts, and so large that their squares do.
  @Test(arguments: ComputeType.available, [1e-4, 1e4] as [Float])
  func scales(compute: ComputeType, deviation: Float) throws {
    var twin = Twin(compute, tokens: 4)
    twin.finish(twin.norm(twin.input(48, deviation: deviation), epsilon: 1e-6))
    try twin.check(.sum)
  }

  @Test(arguments: ComputeType.available)
  func gradientIsAddedToThatOfOtherReaders(compute: ComputeType) throws {
    var twin = Twin(compute, tokens: 6)
    let x = twin.input(20)
    twin.finish(twin.add(twin.norm(x), twin.norm(x)))
    try twin.check(.chain)
  }
}
