import CPU
import Compute
import Recordings
import TestSupport
import Testing

@Suite(.oneAtATime) struct ConvolutionTests {
  /// Sequences shorter than the taps, and longer; columns of less than a strip, and of some.
  @Test(arguments: ComputeType.available, [(1, 5), (3, 64), (9, 70), (30, 130)])
  func resultsAndGradients(compute: ComputeType, sizes: (tokens: Int, columns: Int)) throws {
    for taps in [1, 3, 4, CausalConvolution.tapLimit] {
      for (hasSiLU, hasBias) in [(true, true), (true, false), (false, false)] {
        var twin = Twin(compute, batch: 3, tokens: sizes.tokens)
        let x = twin.input(sizes.columns)
        twin.finish(
          twin.convolution(x, .init(taps: taps, hasSiLU: hasSiLU), hasBias: hasBias))
        try twin.check(.chain)
        try twin.check(.chain, training: .nothing)
      }
    }
  }

  /// Some columns of a value that is read again.
  @Test(arguments: ComputeType.available)
  func gradientsAreAddedToThoseOfOtherReaders(compute: ComputeType) throws {
    var twin = Twin(compute, batch: 2, tokens: 7)
    let x = twin.input(20)
    let some = twin.columns(0..<12, of: x)
    let y = twin.convolution(some, .init(taps: 4, hasSiLU: true), hasBias: false)
    twin.finish(twin.juxtaposed([twin.map(.relu, some), y, twin.columns(12..<20, of: x)]))
    try twin.check(.chain)
  }
}
