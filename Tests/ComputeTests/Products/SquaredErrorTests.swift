import CPU
import Compute
import Recordings
import TestSupport
import Testing

@Suite(.oneAtATime) struct SquaredErrorTests {
  /// Sizes around vectors, the kernel's partial sums of 4,096 and the team's chunks of 65,536.
  @Test(
    arguments: ComputeType.available, [0, 1, 7, 17, 255, 4095, 4097, 65_535, 65_536, 200_003])
  func sumAndGradient(compute: ComputeType, count: Int) throws {
    let device = try CPUDevice(compute: compute)
    var generator = SeededGenerator(seed: UInt64(count))
    let y = Elements(generator.uniform(count), compute)
    let target = Elements(generator.uniform(count), compute)
    let differences = zip(y.floats, target.floats).map { Double($0) - Double($1) }
    let expected = differences.reduce(0) { $0 + $1 * $1 }
    let factor: Float = 0.75
    forEachInstructionSet { name in
      let gradient = Elements(unwritten: count, compute)
      for range in [nil, gradient.range] {
        let sum = device.squaredError(
          y.range, target: target.range, count: count, gradient: range, factor: factor)
        // f32 sums of at most 4,096 squares, in four lanes or more.
        expectClose(sum, expected, Tolerance(relative: 4e-6), name)
      }
      expectClose(
        gradient.floats.map(Double.init), differences.map { $0 * Double(factor) },
        Allowance.element(compute), name)
    }
  }

  /// Squares towards both ends of f32's range.
  @Test func extremes() throws {
    for (difference, expected) in [(1e-15, 2e-30), (1e15, 2e30)] {
      let y = Elements([Float(difference), -Float(difference)], .float32)
      let target = Elements([0, 0], .float32)
      let sum = try CPUDevice(compute: .float32).squaredError(
        y.range, target: target.range, count: 2, gradient: nil, factor: 1)
      expectClose(sum, expected, Tolerance(relative: 1e-6))
    }
  }
}
