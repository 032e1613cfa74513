import CKernels
import CPU
import Compute
import Recordings
import ReferenceDevice
import Tensors
import TestSupport
import Testing

/// What is counted of activations: the squares of inputs, and the largest differences.
@Suite(.oneAtATime) struct StatisticsTests {
  @Test(arguments: ComputeType.available) func squaresOfInputs(compute: ComputeType) throws {
    var twin = Twin(compute, batch: 3, tokens: 5)
    let x = twin.input(20)
    let (wide, narrow) = (
      twin.matrix(rows: [4, 3], columns: 20), twin.matrix(rows: [7], columns: 9)
    )
    twin.finish(
      twin.add(twin.linear(x, wide), twin.linear(twin.columns(6..<15, of: x), narrow)))
    let twinProgram = try TwinProgram(twin, training: .nothing)
    let program = twinProgram.program
    program.inputSquares = [:]
    _ = twinProgram.run()
    // Two of three sequences: the third holds nothing.
    program.sampleCount = 2
    _ = twinProgram.run()
    func expected(_ columns: Range<Int>) -> [Double] {
      columns.map { column in
        [15, 10].reduce(0) { sum, rows in
          (0..<rows).reduce(sum) { $0 + x.node.value[$1, column] * x.node.value[$1, column] }
        }
      }
    }
    for (weight, columns) in [(wide, 0..<20), (narrow, 6..<15)] {
      let found = try #require(program.inputSquares?[weight.parameter]).map(Double.init)
      expectClose(found, expected(columns), Tolerance(relative: 1e-5))
    }
  }

  @Test func largestOfRank() {
    var generator = SeededGenerator(seed: 12)
    for count in [1, 2, 3, 7, 64, 501] {
      for isTied in [false, true] {
        let numbers = (0..<count).map { _ in
          isTied ? Float(generator.below(4)) : generator.normal(1)[0]
        }
        let sorted = numbers.sorted(by: >)
        for rank in Set([1, 2, count / 2, count - 1, count]) where rank >= 1 && rank <= count {
          var copy = numbers
          #expect(ck_largest_of_rank(&copy, count, rank) == sorted[rank - 1])
          #expect(copy.sorted(by: >) == sorted)
        }
      }
      // Whatever it is, it ends, and stays inside.
      var broken = (0..<count).map { _ in generator.below(3) == 0 ? .nan : generator.normal(1)[0] }
      _ = ck_largest_of_rank(&broken, count, (count + 1) / 2)
    }
  }

  @Test(arguments: ComputeType.available, [3, 999, 1000, 2500])
  func suppressesTheLargestDifferences(compute: ComputeType, count: Int) throws {
    var generator = SeededGenerator(seed: 13)
    let outputs = compute.rounded(generator.normal(2 * count))
    let targets = compute.rounded(generator.normal(2 * count))
    let result = try suppress(outputs, targets, count: count, compute)
    let differences = zip(outputs, targets).map { abs($0 - $1) }
    let rank = max(1, 2 * count / 1000)
    let threshold = differences.sorted(by: >)[rank - 1]
    for index in outputs.indices {
      let isOutlier = differences[index] >= threshold
      #expect(result[index] == (isOutlier ? targets[index] : outputs[index]))
    }
    #expect(zip(result, outputs).count { $0 != $1 } >= rank)
  }

  /// Outputs that are no numbers are no outliers: they have to reach the loss.
  @Test(arguments: ComputeType.available) func keepsWhatIsNoNumber(compute: ComputeType) throws {
    for bad: Float in [.nan, .infinity, -.infinity] {
      var outputs = [Float](repeating: 1, count: 64)
      outputs[17] = bad
      let result = try suppress(outputs, [Float](repeating: 0.5, count: 64), count: 32, compute)
      #expect(bad.isNaN ? result[17].isNaN : result[17] == bad)
    }
  }

  private func suppress(
    _ outputs: [Float], _ targets: [Float], count: Int, _ compute: ComputeType
  ) throws -> [Float] {
    let y = Elements(outputs, compute)
    let samples = stride(from: 0, to: targets.count, by: count).map {
      Elements(Array(targets[$0..<$0 + count]), compute)
    }
    try CPUDevice(compute: compute).suppressOutliers(
      in: samples.enumerated().map { index, target in
        (y.range + index * count * compute.byteCount, target.range, count)
      })
    return y.floats
  }
}
