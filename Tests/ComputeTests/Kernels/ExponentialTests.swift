import CKernels
import Foundation
import Recordings
import TestSupport
import Testing

@Suite(.oneAtATime) struct ExponentialTests {
  /// The kernels' exponential of each element: the softmax's weights for a sum of 1.
  private func exponentials(_ x: [Float]) -> [Float] {
    var piece = ck_piece(
      queries: 1, heads: 1, columns: x.count, first_query: x.count - 1, first_key: 0, window: 0,
      chunk: 0, scale: 1, cap: 0, slopes: nil)
    let p = Elements(unwritten: x.count, .float32)
    let ds = Elements(unwritten: x.count, .float32)
    let dp = [Float](repeating: 0, count: x.count)
    ck_softmax_backward(CK_F32, &piece, x, dp, [0], [0], p.pointer, ds.pointer)
    return p.floats
  }

  private let silu = ck_function(kind: CK_SILU, a: 0, b: 0)

  @Test func relativeErrorStaysBelowItsBound() {
    var generator = SeededGenerator(seed: 9)
    let points =
      (0...350_000).map { -87 + 175 * Float($0) / 350_000 }
      + generator.uniform(50_000, in: -1e-3...1e-3) + [0, -0.0, 1, -1, 87.5, -86.99]
    forEachInstructionSet { name in
      var worst = (error: 0.0, x: Float(0))
      for (x, y) in zip(points, exponentials(points)) {
        let exact = exp(Double(x))
        let error = abs(Double(y) - exact) / exact
        if !(error <= worst.error) { worst = (error, x) }
      }
      #expect(worst.error < 2e-7, "\(worst.error) at \(worst.x), \(name)")
      #expect(exponentials([0]) == [1])
    }
  }

  @Test func argumentsBeyondTheRangeAreClamped() {
    forEachInstructionSet { name in
      let ends = exponentials([-87, 88])
      let low = exponentials([-87.1, -88, -1000, -3e38, -.infinity])
      let high = exponentials([88.1, 1000, 3e38, .infinity])
      #expect(low.everySatisfies { $0 == ends[0] && $0 > 0 && $0 < 2e-38 }, "\(name)")
      #expect(high.everySatisfies { $0 == ends[1] && $0 > 1e38 && $0.isFinite }, "\(name)")
      #expect(exponentials([.nan])[0].isNaN, "\(name)")
    }
  }

  /// silu(g) by itself: the error of the exponential, an addition, a division and a product.
  @Test func gateIsExactOverTheWholeRange() {
    let gates = (0...80_000).map { -87 + 175 * Float($0) / 80_000 }
    let x = Elements(gates, .float32)
    forEachInstructionSet { name in
      let y = Elements(unwritten: gates.count, .float32)
      ck_gate(
        CK_F32, silu, x.pointer, 1, nil, 0, y.pointer, 1, 1, 0, gates.count)
      let expected = gates.map { Double($0) / (1 + exp(-Double($0))) }
      expectClose(
        y.floats.map(Double.init), expected, Tolerance(absolute: 1e-35, relative: 5e-7), name)
    }
  }

  @Test func gatesFarOutsideTheRangeStayNumbers() {
    let gates: [Float] = [-1000, -1e6, 88, 89, 1000, 3e38]
    let x = Elements(gates, .float32)
    let ones = Elements(gates.map { _ in 1 }, .float32)
    forEachInstructionSet { name in
      let y = Elements(unwritten: gates.count, .float32)
      ck_gate(
        CK_F32, silu, x.pointer, 1, nil, 0, y.pointer, 1, 1, 0, gates.count)
      expectClose(y.floats, [0, 0, 88, 89, 1000, 3e38], Tolerance(absolute: 1e-30), name)
      let dx = Elements(unwritten: gates.count, .float32)
      let target = ck_gradient(to: dx.pointer, stride: 1, accumulate: false)
      ck_gate_backward(
        CK_F32, silu, ones.pointer, 1, x.pointer, 1, nil, 0, target, ck_gradient(), 1, 0,
        gates.count)
      expectClose(
        dx.floats, [0, 0, 1, 1, 1, 1],
        Tolerance(absolute: 1e-30, relative: 1e-6), name)
    }
  }
}
