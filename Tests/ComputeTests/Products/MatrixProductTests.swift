import CPU
import Compute
import Diagnostics
import MatrixProducts
import Recordings
import Tensors
import TestSupport
import Testing

@Suite(.oneAtATime) struct MatrixProductTests {
  /// Runs one product of random matrices under `shape` and compares it with sums in f64.
  private func check(_ shape: ProductShape, device: CPUDevice) throws {
    var generator = SeededGenerator(seed: 1)
    let (m, n, k) = (shape.m, shape.n, shape.k)
    let aStride = shape.rowStrideA ?? (shape.transposesA ? m : k)
    let bStride = shape.rowStrideB ?? (shape.transposesB ? k : n)
    let cStride = shape.rowStrideC ?? n
    let a = Elements(generator.normal((shape.transposesA ? k : m) * aStride), shape.input.floats)
    let b = Elements(generator.normal((shape.transposesB ? n : k) * bStride), shape.input.floats)
    let c = Elements(generator.normal(m * cStride), shape.output.floats)
    let bias = generator.normal(n)
    let (x, y, before) = (a.floats, b.floats, c.floats)
    var expected = before.map(Double.init)
    for row in 0..<m {
      for column in 0..<n {
        var sum = shape.accumulates ? expected[row * cStride + column] : 0
        if shape.hasBias { sum += Double(bias[column]) }
        for i in 0..<k {
          let left = x[shape.transposesA ? i * aStride + row : row * aStride + i]
          let right = y[shape.transposesB ? column * bStride + i : i * bStride + column]
          sum += Double(left) * Double(right)
        }
        expected[row * cStride + column] = sum
      }
    }
    let product = try device.product(shape)
    bias.withUnsafeBufferPointer {
      product.run(
        a.pointer, b.pointer, c.pointer, bias: shape.hasBias ? $0.baseAddress : nil)
    }
    // What lies between the rows of c is compared, too: nobody may touch it.
    expectClose(
      c.floats.map(Double.init), expected, Allowance.sum(shape.output.floats), "\(shape)")
  }

  /// Sums of 8-bit integers are exact, those of the extremes too.
  @Test(
    .enabled(if: GradientPrecision.int8.isAvailable, "this processor has no products of integers"),
    arguments: [(1, 1, 1), (5, 7, 9), (33, 17, 640), (64, 48, 31)])
  func integersGiveExactSums(size: (m: Int, n: Int, k: Int)) throws {
    let (m, n, k) = size
    var generator = SeededGenerator(seed: 2)
    func integers(_ count: Int) -> [Int8] {
      (0..<count).map { $0 % 11 == 0 ? -127 : Int8.random(in: -127...127, using: &generator) }
    }
    let (a, b) = (integers(m * k), integers(k * n))
    for transposesA in [false, true] {
      var c = [Int32](repeating: 99, count: m * n)
      try CPUDevice(compute: .float32).product(
        ProductShape(m: m, n: n, k: k, transposesA: transposesA, input: .int8, output: .int32)
      ).run(a, b, &c)
      let expected = (0..<m * n).map { index -> Int32 in
        let (row, column) = index.quotientAndRemainder(dividingBy: n)
        return (0..<k).reduce(0) { sum, i in
          sum + Int32(a[transposesA ? i * m + row : row * k + i]) * Int32(b[i * n + column])
        }
      }
      #expect(c == expected)
    }
  }

  @Test(arguments: ComputeType.available, [(1, 1, 1), (5, 7, 9), (33, 17, 64), (64, 48, 31)])
  func everyLayoutMeetsSumsInDoublePrecision(
    compute: ComputeType, size: (m: Int, n: Int, k: Int)
  ) throws {
    let device = try CPUDevice(compute: compute)
    for (transposesA, transposesB) in [(false, false), (false, true), (true, false), (true, true)] {
      for (extra, accumulates, hasBias) in [
        (0, false, false), (3, false, false), (0, true, false), (5, true, false), (2, false, true),
      ] {
        for output in Set([compute, .float32]) {
          try check(
            ProductShape(
              m: size.m, n: size.n, k: size.k, transposesA: transposesA, transposesB: transposesB,
              rowStrideA: (transposesA ? size.m : size.k) + extra,
              rowStrideB: (transposesB ? size.k : size.n) + extra, rowStrideC: size.n + extra,
              input: compute.product, output: output.product, accumulates: accumulates,
              hasBias: hasBias),
            device: device)
        }
      }
    }
  }

  @Test func aShapeThatTheLibraryRefusesIsAnError() throws {
    let device = try CPUDevice(compute: .float32)
    expectInputError(.unsupported, mentioning: ["oneDNN", "-3 x 2 by 2 x 4", "f32"]) {
      _ = try device.product(ProductShape(m: -3, n: 4, k: 2, input: .float32, output: .float32))
    }
  }

  @Test func aPreparedProductIsKept() throws {
    let device = try CPUDevice(compute: .float32)
    let shape = ProductShape(m: 3, n: 4, k: 2, input: .float32, output: .float32)
    #expect(try device.product(shape) === device.product(shape))
    #expect(try device.product(shape) !== device.product(shape, perThread: true))
    var other = shape
    other.transposesB = true
    #expect(try device.product(shape) !== device.product(other))
  }
}

extension ProductElement {
  /// The compute type that this is.
  fileprivate var floats: ComputeType { self == .bfloat16 ? .bfloat16 : .float32 }
}
