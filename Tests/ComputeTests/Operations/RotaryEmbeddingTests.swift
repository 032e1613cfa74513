import CPU
import Compute
import Recordings
import TestSupport
import Testing

@Suite(.oneAtATime) struct RotaryEmbeddingTests {
  /// Head sizes and how many of their channels are rotated.
  static let heads = [(2, 2), (16, 16), (20, 8), (64, 64), (80, 32)]

  @Test(arguments: ComputeType.available, heads)
  func resultsAndGradients(compute: ComputeType, head: (size: Int, rotated: Int)) throws {
    for norms in [false, true] {
      var twin = Twin(compute, batch: 2, tokens: 9)
      let x = twin.input(3 * head.size)
      let angles = Angles(rotated: head.rotated, factor: 1.25)
      twin.finish(twin.rotary(x, headSize: head.size, angles: angles, norms: norms))
      try twin.check(.sum)
      try twin.check(.sum, training: .nothing)
    }
  }

  /// Neighbours, and channels that are left as they are on both sides.
  @Test(arguments: ComputeType.available, [RotaryEmbedding.Pairing.halves, .neighbours])
  func channels(compute: ComputeType, pairing: RotaryEmbedding.Pairing) throws {
    for norms in [false, true] {
      var twin = Twin(compute, batch: 2, tokens: 5)
      let x = twin.input(60)
      let turned = twin.rotary(
        x, headSize: 20, angles: Angles(rotated: 12), norms: norms, firstChannel: 6,
        pairing: pairing)
      // Another reader, so that gradients are added.
      twin.finish(twin.add(x, turned))
      try twin.check(.chain)
    }
  }

  /// Queries and keys inside one wider value, as a fused projection gives them.
  @Test(arguments: ComputeType.available)
  func columnsOfAWiderValue(compute: ComputeType) throws {
    var twin = Twin(compute, batch: 2, tokens: 5)
    let x = twin.linear(twin.input(48))
    let angles = Angles(rotated: 8)
    let a = twin.rotary(twin.columns(0..<24, of: x), headSize: 8, angles: angles, norms: true)
    let b = twin.rotary(twin.columns(24..<48, of: x), headSize: 8, angles: angles)
    twin.finish(twin.add(a, b))
    try twin.check(.chain)
    try twin.check(.chain, training: .matrices)
  }

  /// The angles of far positions are as exact as those of near ones: they are computed in f64.
  @Test func anglesOfFarPositions() throws {
    var twin = Twin(.float32, tokens: 3000)
    let angles = Angles(rotated: 4, base: 10_000)
    twin.finish(twin.rotary(twin.input(4), headSize: 4, angles: angles))
    try twin.check(.sum)
  }
}
