import CKernels
import Compute
import Foundation
import TestSupport
import Testing

@Suite(.oneAtATime) struct SoftmaxTests {
  /// The visible columns of row `row`, by the rule that the header gives.
  private static func visible(_ tile: ck_tile, row: Int) -> Range<Int> {
    let query = tile.first_query + row
    let first = tile.window > 0 ? max(0, query + 1 - tile.window) : 0
    return max(first - tile.first_key, 0)..<query + 1 - tile.first_key
  }

  /// Tiles at the start of a sequence, behind earlier keys, in windows, and with columns after the last
  /// visible one.
  private static func tiles(columns: Int) -> [ck_tile] {
    let rows = min(columns, 5)
    let last = columns - rows
    var tiles = [
      ck_tile(
        rows: rows, columns: columns, first_query: last, first_key: 0, window: 0, scale: 0.5)
    ]
    tiles.append(tiles[0])
    tiles[1].first_query = 0
    for window in [1, 3, columns] {
      var tile = tiles[0]
      tile.first_query += 100
      tile.first_key += 100
      tile.window = window
      tiles.append(tile)
    }
    return tiles
  }

  @Test(arguments: ComputeType.available, RowKernelTests.widths + [63, 64, 65, 128, 300])
  func forwardAndBackward(compute: ComputeType, columns: Int) {
    for tile in Self.tiles(columns: columns) {
      var generator = SeededGenerator(seed: UInt64(columns))
      let count = tile.rows * columns
      let scores = generator.normal(count, deviation: 4)
      let dp = generator.normal(count)
      var expected = Matrix(rows: tile.rows, columns: columns)
      var expectedGradient = expected
      var logSums: [Double] = []
      for row in 0..<tile.rows {
        let keys = Self.visible(tile, row: row)
        let powers = keys.map { exp(Double(tile.scale) * Double(scores[row * columns + $0])) }
        let sum = powers.reduce(0, +)
        logSums.append(log(sum))
        var mean = 0.0
        for (key, power) in zip(keys, powers) {
          expected[row, key] = power / sum
          mean += power / sum * Double(dp[row * columns + key])
        }
        for key in keys {
          expectedGradient[row, key] =
            Double(tile.scale) * expected[row, key] * (Double(dp[row * columns + key]) - mean)
        }
      }
      forEachInstructionSet { isa in
        let name = "\(isa), \(columns) columns from \(tile.first_key), window \(tile.window)"
        var settings = tile
        let overwritten = Elements(scores, .float32)
        let p = Elements(unwritten: count, compute)
        let logSum = Elements(unwritten: tile.rows, .float32)
        let logs = logSum.pointer.assumingMemoryBound(to: Float.self)
        ck_softmax(
          compute.element, &settings,
          overwritten.pointer.assumingMemoryBound(to: Float.self), p.pointer, logs)
        expectClose(
          p.floats.map(Double.init), expected.elements, Allowance.element(compute), name)
        expectClose(logSum.floats.map(Double.init), logSums, Tolerance(absolute: 1e-6), name)

        // Weights come from the rounded logarithm here, whose error of half a unit they take over. The
        // difference in the gradient of a weight near 1 is small beside its terms, so that its error goes by
        // theirs; and a rounded weight goes into a bf16 gradient that is rounded again.
        let again = Elements(unwritten: count, compute)
        let ds = Elements(unwritten: count, compute)
        ck_softmax_backward(compute.element, &settings, scores, dp, logs, again.pointer, ds.pointer)
        expectClose(
          again.floats.map(Double.init), expected.elements,
          compute == .float32
            ? Tolerance(absolute: 1e-30, relative: 3e-6) : Allowance.element(compute), name)
        expectClose(
          ds.floats.map(Double.init), expectedGradient.elements,
          compute == .float32
            ? Tolerance(absolute: 1e-6) : Tolerance(absolute: 1e-6, relative: 0x1.02p-7), name)
        for index in 0..<count where expected.elements[index] == 0 {
          #expect(p.floats[index] == 0 && again.floats[index] == 0 && ds.floats[index] == 0)
        }
      }
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
    forEachInstructionSet { name in
      for (scores, weights) in zip(rows, expected) {
        var tile = ck_tile(
          rows: 1, columns: 4, first_query: 3, first_key: 0, window: 0, scale: 1)
        var overwritten = scores
        let p = Elements(unwritten: 4, compute)
        let ds = Elements(unwritten: 4, compute)
        var log: Float = .nan
        ck_softmax(compute.element, &tile, &overwritten, p.pointer, &log)
        expectClose(
          p.floats.map(Double.init), weights, Tolerance(absolute: 1e-6), "\(scores), \(name)")
        ck_softmax_backward(
          compute.element, &tile, scores, [1, 2, 3, 4], &log, p.pointer, ds.pointer)
        #expect(ds.floats.allSatisfy { $0.isFinite }, "\(scores), \(name)")
      }
    }
  }
}
