import CKernels
import CPU
import Compute
import Foundation
import Recordings
import ReferenceDevice
import TestSupport
import Testing

@Suite(.oneAtATime) struct SoftmaxTests {
  private static let headSize = 3

  /// Scores of some queries with some keys, which are given to the kernels in pieces.
  // Unchecked for the pointer to slopes, which is nil.
  struct Scores: CustomStringConvertible, @unchecked Sendable {
    var whole: ck_piece
    /// Columns of each piece, from the first on.
    var pieces: [Int]
    var description: String {
      "\(whole.queries) queries from \(whole.first_query) with \(whole.heads) heads, \(pieces) keys from "
        + "\(whole.first_key), window \(whole.window)"
    }
    var rows: Int { whole.queries * whole.heads }

    init(_ pieces: [Int], queries: Int = 5, heads: Int = 1, window: Int = 0, after: Int = 0) {
      let columns = pieces.reduce(0, +)
      let first = max(columns - queries, 0) + after
      whole = ck_piece(
        queries: min(queries, columns), heads: heads, columns: columns, first_query: first,
        first_key: after, window: window, chunk: 0, scale: 0.5, cap: 0, slopes: nil)
      self.pieces = pieces
    }

    /// The visible columns of a row, by the rule that the header gives.
    func visible(_ row: Int) -> Range<Int> {
      let query = whole.first_query + row / whole.heads
      let first = whole.window > 0 ? max(0, query + 1 - whole.window) : 0
      let end = min(max(query + 1 - whole.first_key, 0), whole.columns)
      return min(max(first - whole.first_key, 0), end)..<end
    }

    /// Each piece as the kernels want it, with its columns.
    var settings: [(ck_piece, Range<Int>)] {
      var column = 0
      return pieces.map { count in
        defer { column += count }
        var piece = whole
        piece.columns = count
        piece.first_key += column
        return (piece, column..<column + count)
      }
    }
  }

  static let cases: [Scores] =
    (RowKernelTests.widths + [63, 64, 65, 128, 300]).map { Scores([$0]) } + [
      // Several pieces; the last ones hold keys that only later queries see, or none.
      Scores([4, 4, 4], heads: 2), Scores([100, 1, 30], heads: 3), Scores([64, 64, 9, 3]),
      // Behind earlier keys, and in windows that begin in the first piece or leave it out for some rows.
      Scores([20, 10], heads: 2, after: 100), Scores([30], window: 1), Scores([30], window: 3),
      Scores([20, 10], heads: 2, window: 12, after: 100), Scores([25, 5], window: 8),
      // All queries before the end: columns that nobody sees.
      {
        var scores = Scores([16, 16])
        scores.whole.first_query = 3
        return scores
      }(),
    ]

  @Test(arguments: ComputeType.available, cases)
  func forwardAndBackward(compute: ComputeType, scores: Scores) {
    var generator = SeededGenerator(seed: UInt64(scores.whole.columns))
    let (rows, columns, d) = (scores.rows, scores.whole.columns, Self.headSize)
    let s = generator.normal(rows * columns, deviation: 4)
    let v = generator.normal(columns * d)
    let dp = generator.normal(rows * columns)
    let exact = Exact(scores, s: s, v: v, dp: dp)
    forEachInstructionSet { isa in
      let name = "\(isa), \(scores)"
      let (m, sum, y) = forward(scores, compute, s: s, v: v)
      // Queries two heads' rows apart from where they would be side by side.
      let stride = (scores.whole.heads + 2) * d
      let out = Elements(unwritten: scores.whole.queries * stride, compute)
      var whole = scores.whole
      ck_softmax_end(
        compute.element, &whole, y, m.pointer.assumingMemoryBound(to: Float.self), sum, out.pointer,
        stride, d)
      let written = out.floats
      let found = (0..<rows).flatMap { row in
        (0..<d).map {
          Double(written[row / whole.heads * stride + row % whole.heads * d + $0])
        }
      }
      // Weights are rounded before they are multiplied, and the result is once more.
      expectClose(
        found, exact.y.elements,
        compute == .float32 ? Tolerance(ofLargest: 2e-6) : Tolerance(ofLargest: 0x1p-7), name)
      expectClose(m.floats.map(Double.init), exact.logSums, Tolerance(absolute: 2e-6), name)

      checkBackward(scores, compute, s: s, dp: dp, exact: exact, name: name)
    }
  }

  /// Scores that are far apart, or minus infinity for some keys, give weights that add up to 1.
  @Test(arguments: ComputeType.available) func extremes(compute: ComputeType) {
    let rows: [[Float]] = [
      [0, -1000, -1e30, 0], [3e4, 3e4, -3e4, 0], [-1e30, -1e30, -1e30, -1e30],
      [-.infinity, 5, -.infinity, 5], [88, -88, 88, -88], [1e30, -1e30, 0, 1e30],
    ]
    let expected: [[Double]] = [
      [0.5, 0, 0, 0.5], [0.5, 0.5, 0, 0], [0.25, 0.25, 0.25, 0.25], [0, 0.5, 0, 0.5],
      [0.5, 0, 0.5, 0], [0.5, 0, 0, 0.5],
    ]
    // With the unit vectors as values, the result is the weights.
    let unit: [Float] = (0..<16).map { $0 % 5 == 0 ? 1 : 0 }
    forEachInstructionSet { name in
      for (values, weights) in zip(rows, expected) {
        for pieces in [[4], [1, 3]] where values[0].isFinite || pieces.count == 1 {
          var scores = Scores(pieces, queries: 1)
          scores.whole.scale = 1
          let (m, sum, y) = forward(scores, compute, s: values, v: unit, headSize: 4)
          let out = Elements(unwritten: 4, compute)
          ck_softmax_end(
            compute.element, &scores.whole, y, m.pointer.assumingMemoryBound(to: Float.self), sum,
            out.pointer, 4, 4)
          expectClose(
            out.floats.map(Double.init), weights, Tolerance(absolute: 1e-6),
            "\(values) in \(pieces), \(name)")
          let (p, ds) = (Elements(unwritten: 4, compute), Elements(unwritten: 4, compute))
          ck_softmax_backward(
            compute.element, &scores.whole, values, [1, 2, 3, 4], m.floats, [2.5], p.pointer,
            ds.pointer)
          #expect(ds.floats.everySatisfies { $0.isFinite }, "\(values), \(name)")
        }
      }
    }
  }

  @Test(arguments: ComputeType.available, RowKernelTests.widths)
  func deltas(compute: ComputeType, headSize: Int) {
    var generator = SeededGenerator(seed: 3)
    var piece = ck_piece(
      queries: 3, heads: 2, columns: 0, first_query: 0, first_key: 0, window: 0, chunk: 0, scale: 1,
      cap: 0, slopes: nil)
    let stride = 2 * headSize + 5
    let dy = Elements(generator.normal(3 * stride), compute)
    let y = Elements(generator.normal(3 * stride), compute)
    let (dyFloats, yFloats) = (dy.floats, y.floats)
    let expected = (0..<6).map { row in
      (0..<headSize).reduce(0.0) {
        let at = row / 2 * stride + row % 2 * headSize + $1
        return $0 + Double(dyFloats[at]) * Double(yFloats[at])
      }
    }
    forEachInstructionSet { name in
      var found = [Float](repeating: .nan, count: 6)
      ck_softmax_deltas(compute.element, &piece, dy.pointer, y.pointer, stride, &found, headSize)
      expectClose(found.map(Double.init), expected, Tolerance(ofLargest: 2e-6), "\(name)")
    }
  }
}

extension SoftmaxTests {
  /// Runs all pieces, with the products `y += p v` in plain loops. Every weight that is not visible must be 0.
  private func forward(
    _ scores: Scores, _ compute: ComputeType, s: [Float], v: [Float], headSize d: Int = headSize
  ) -> (m: Elements, sum: [Float], y: [Float]) {
    let (rows, columns) = (scores.rows, scores.whole.columns)
    let m = Elements(Array(repeating: -.infinity, count: rows), .float32)
    var sum = [Float](repeating: 0, count: rows)
    var y = [Float](repeating: 0, count: rows * d)
    for (piece, range) in scores.settings {
      var settings = piece
      let part = (0..<rows).flatMap { row in range.map { s[row * columns + $0] } }
      let p = Elements(unwritten: part.count, compute)
      ck_softmax(
        compute.element, &settings, part, p.pointer,
        m.pointer.assumingMemoryBound(to: Float.self), &sum, &y, d)
      let weights = p.floats
      for row in 0..<rows {
        for (offset, key) in range.enumerated() {
          let weight = weights[row * range.count + offset]
          if !scores.visible(row).contains(key) { #expect(weight == 0, "\(scores)") }
          for c in 0..<d { y[row * d + c] += weight * v[key * d + c] }
        }
      }
    }
    return (m, sum, y)
  }

  private func checkBackward(
    _ scores: Scores, _ compute: ComputeType, s: [Float], dp: [Float], exact: Exact, name: String
  ) {
    let (rows, columns) = (scores.rows, scores.whole.columns)
    for (piece, range) in scores.settings {
      var settings = piece
      func part<T>(_ x: [T]) -> [T] {
        (0..<rows).flatMap { row in range.map { x[row * columns + $0] } }
      }
      let count = rows * range.count
      let (p, ds) = (Elements(unwritten: count, compute), Elements(unwritten: count, compute))
      ck_softmax_backward(
        compute.element, &settings, part(s), part(dp), exact.logSums.map(Float.init),
        exact.deltas.map(Float.init), p.pointer, ds.pointer)
      // Weights come from the rounded logarithm, whose error of half a unit they take over. The difference
      // in the gradient of a weight near 1 is small beside its terms, so that its error goes by theirs.
      expectClose(
        p.floats.map(Double.init), part(exact.weights.elements),
        compute == .float32
          ? Tolerance(absolute: 1e-30, relative: 3e-6) : Allowance.element(compute), name)
      expectClose(
        ds.floats.map(Double.init), part(exact.gradients.elements),
        compute == .float32
          ? Tolerance(absolute: 2e-6) : Tolerance(absolute: 2e-6, relative: 0x1.02p-8), name)
      for (index, weight) in part(exact.weights.elements).enumerated() where weight == 0 {
        #expect(p.floats[index] == 0 && ds.floats[index] == 0)
      }
    }
  }

  /// The softmax of whole rows in f64.
  private struct Exact {
    var weights: Matrix
    var gradients: Matrix
    var y: Matrix
    var logSums: [Double] = []
    var deltas: [Double] = []

    init(_ scores: Scores, s: [Float], v: [Float], dp: [Float]) {
      let (rows, columns, d) = (scores.rows, scores.whole.columns, headSize)
      let scale = Double(scores.whole.scale)
      weights = Matrix(rows: rows, columns: columns)
      gradients = weights
      y = Matrix(rows: rows, columns: d)
      for row in 0..<rows {
        let keys = scores.visible(row)
        let powers = keys.map { exp(scale * Double(s[row * columns + $0])) }
        let sum = powers.reduce(0, +)
        logSums.append(log(sum))
        var delta = 0.0
        for (key, power) in zip(keys, powers) {
          weights[row, key] = power / sum
          delta += power / sum * Double(dp[row * columns + key])
          for c in 0..<d { y[row, c] += power / sum * Double(v[key * d + c]) }
        }
        deltas.append(delta)
        for key in keys {
          gradients[row, key] =
            scale * weights[row, key] * (Double(dp[row * columns + key]) - delta)
        }
      }
    }
  }
}
