import Compute
import TestSupport
import Testing

@Suite(.oneAtATime) struct SiLUGateTests {
  @Test(arguments: ComputeType.available, [1, 8, 33])
  func resultsAndGradients(compute: ComputeType, columns: Int) throws {
    for deviation in [0.1, 1, 10] as [Float] {
      var twin = Twin(compute, batch: 2, tokens: 6)
      twin.finish(twin.siluGate(twin.input(2 * columns, deviation: deviation)))
      try twin.check(.sum)
      try twin.check(.sum, training: .nothing)
    }
  }
}
