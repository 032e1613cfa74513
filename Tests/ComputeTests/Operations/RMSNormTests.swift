import Compute
import TestSupport
import Testing

@Suite(.oneAtATime) struct RMSNormTests {
  // Not a single column: its two terms of dx cancel, and what is left is rounding.
  @Test(arguments: ComputeType.available, [2, 7, 16, 65, 300])
  func resultsAndGradients(compute: ComputeType, columns: Int) throws {
    var twin = Twin(compute, batch: 2, tokens: 5)
    twin.finish(twin.norm(twin.input(columns)))
    try twin.check(.sum)
    try twin.check(.sum, training: .nothing)
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
