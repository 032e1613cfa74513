import CPU
import Compute
import MatrixProducts
import Recordings
import Tensors
import TestSupport
import Testing

/// Products that are cut into pieces, with smaller ones at the edges, against sums in f64.
@Suite(.oneAtATime) struct ProductGridTests {
  @Test(
    arguments: [1, 2, 3, 5, 16],
    [(1, 1, 1), (33, 70, 65), (1700, 130, 40), (97, 1601, 33), (1, 3000, 64), (1601, 1633, 9)])
  func everyPieceIsWhereItBelongs(threads: Int, size: (m: Int, n: Int, k: Int)) throws {
    let team = ThreadTeam.size
    defer { ThreadTeam.size = team }
    ThreadTeam.size = threads
    let (m, n, k) = size
    var generator = SeededGenerator(seed: 3)
    for (transposesA, transposesB) in [(false, false), (true, false), (false, true)] {
      // Rows of `c` have a gap that nothing may write to.
      let stride = n + 3
      let a = generator.uniform(m * k)
      let b = generator.uniform(k * n)
      let bias = generator.uniform(n)
      var c = [Float](repeating: 7, count: m * stride)
      let product = try CPUDevice(compute: .float32).product(
        ProductShape(
          m: m, n: n, k: k, transposesA: transposesA, transposesB: transposesB, rowStrideC: stride,
          input: .float32, output: .float32, hasBias: true))
      c.withUnsafeMutableBytes { c in
        bias.withUnsafeBufferPointer { product.run(a, b, c.baseAddress!, bias: $0.baseAddress) }
      }
      var wrong = 0
      for row in 0..<m {
        for column in 0..<stride {
          var expected = column < n ? Double(bias[column]) : 7
          // A sample of the sums is enough for large results: those of the first and last rows and columns,
          // and every 31st.
          if column < n {
            guard row % 31 == 0 || row == m - 1 || column % 31 == 0 || column == n - 1 else {
              continue
            }
            for index in 0..<k {
              let x = a[transposesA ? index * m + row : row * k + index]
              let y = b[transposesB ? column * k + index : index * n + column]
              expected += Double(x) * Double(y)
            }
          }
          if abs(Double(c[row * stride + column]) - expected) > 1e-4 { wrong += 1 }
        }
      }
      #expect(wrong == 0, "\(threads) threads, \(transposesA) \(transposesB)")
    }
  }
}
