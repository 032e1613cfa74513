import CPU
import Compute
import MatrixProducts
import Recordings
import Tensors
import TestSupport
import Testing

/// Which products depend on the number of threads: their results are cut into pieces, one and two threads have
/// the same ones, and the library may add up the sums of smaller pieces in another order.
@Suite(.oneAtATime) struct ThreadCountTests {
  struct Results: Equatable {
    var output: [Float]
    var inputGradient: [Float]
    var weightGradient: [Float]
  }

  /// The three products of a linear layer on `threads` threads, prepared anew.
  private func products(
    _ compute: ComputeType, rows: Int, inputs: Int, outputs: Int, threads: Int
  ) throws -> Results {
    let team = ThreadTeam.size
    defer { ThreadTeam.size = team }
    ThreadTeam.size = threads
    var generator = SeededGenerator(seed: 1)
    let x = Elements(generator.uniform(rows * inputs), compute)
    let weight = Elements(generator.uniform(outputs * inputs), compute)
    let dy = Elements(generator.uniform(rows * outputs), compute)
    let device = try CPUDevice(compute: compute)
    let y = Elements(unwritten: rows * outputs, compute)
    try device.product(
      ProductShape(
        m: rows, n: outputs, k: inputs, transposesB: true, input: compute.product,
        output: compute.product)
    ).run(x.pointer, weight.pointer, y.pointer)
    let dx = Elements(unwritten: rows * inputs, compute)
    try device.product(
      ProductShape(m: rows, n: inputs, k: outputs, input: compute.product, output: compute.product)
    ).run(dy.pointer, weight.pointer, dx.pointer)
    let dWeight = Elements(unwritten: outputs * inputs, .float32)
    try device.product(
      ProductShape(
        m: outputs, n: inputs, k: rows, transposesA: true, input: compute.product, output: .float32)
    ).run(dy.pointer, x.pointer, dWeight.pointer)
    return Results(
      output: y.floats, inputGradient: dx.floats, weightGradient: dWeight.floats)
  }

  @Test(
    arguments: ComputeType.available,
    [(1, 2048, 64), (16, 512, 512), (300, 64, 64), (512, 256, 768), (2048, 128, 512)])
  func resultsOfLayersAreTheSameOnOneAndTwoThreads(
    compute: ComputeType, size: (rows: Int, inputs: Int, outputs: Int)
  ) throws {
    func run(_ threads: Int) throws -> Results {
      try products(
        compute, rows: size.rows, inputs: size.inputs, outputs: size.outputs, threads: threads)
    }
    let one = try run(1)
    #expect(try run(2) == one)
    for threads in [3, 8] {
      let several = try run(threads)
      #expect(try run(threads) == several, "\(threads) threads")
      expectClose(several.output, one.output, Tolerance(ofLargest: 0.004))
      expectClose(several.inputGradient, one.inputGradient, Tolerance(ofLargest: 0.004))
      expectClose(several.weightGradient, one.weightGradient, Tolerance(ofLargest: 1e-6))
    }
  }

  /// Each element of this weight gradient is a sum of 4096 products, and there are few elements.
  @Test(arguments: ComputeType.available)
  func smallWeightGradientsOfLongSumsAreTheSameOnAsManyThreads(compute: ComputeType) throws {
    func run(_ threads: Int) throws -> Results {
      try products(compute, rows: 4096, inputs: 64, outputs: 96, threads: threads)
    }
    let one = try run(1)
    #expect(try run(2) == one)
    for threads in [2, 3, 4] {
      let several = try run(threads)
      for _ in 0..<3 { #expect(try run(threads) == several, "\(threads) threads") }
      expectClose(several.weightGradient, one.weightGradient, Tolerance(ofLargest: 1e-6))
    }
  }

  @Test(arguments: ComputeType.available)
  func squaredErrorDoesNotDependOnThreads(compute: ComputeType) throws {
    let device = try CPUDevice(compute: compute)
    let team = ThreadTeam.size
    defer { ThreadTeam.size = team }
    var generator = SeededGenerator(seed: 2)
    let count = 300_001
    let (y, target) = (
      Elements(generator.uniform(count), compute), Elements(generator.uniform(count), compute)
    )
    func run(_ threads: Int) -> (Double, [Float]) {
      ThreadTeam.size = threads
      let gradient = Elements(unwritten: count, compute)
      let sum = device.squaredError(
        y.range, target: target.range, count: count, gradient: gradient.range, factor: 0.5)
      return (sum, gradient.floats)
    }
    let one = run(1)
    for threads in [2, 3, 7] { #expect(run(threads) == one, "\(threads) threads") }
  }
}
