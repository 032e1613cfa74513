import CKernels
import CPU
import Compute
import Foundation
import Recordings
import ReferenceDevice
import TestSupport
import Testing

@Suite(.oneAtATime) struct RotaryKernelTests {
  /// Rows that are wider than the heads in them, positions with an offset, and both directions.
  @Test(
    arguments: ComputeType.available,
    [(1, 0), (7, 6), (8, 8), (9, 2), (15, 14), (17, 16), (33, 32), (255, 130), (1024, 1024)])
  func stridesAndOffsets(compute: ComputeType, size: (head: Int, rotated: Int)) {
    let (heads, tokens, rows, offset) = (2, 3, 6, 4)
    let (d, half) = (size.head, size.rotated / 2)
    let (columns, xStride, yStride) = (heads * d, heads * d + 5, heads * d + 3)
    var generator = SeededGenerator(seed: UInt64(d))
    let angles = Angles(rotated: size.rotated, factor: 1.1)
    let x = Elements(generator.normal(rows * xStride), compute)
    let dy = Elements(generator.normal(rows * yStride), compute)
    let weight = generator.normal(d)

    func dense(_ elements: Elements, stride: Int) -> Matrix {
      let floats = elements.floats
      return Matrix(
        rows: rows, columns: columns,
        (0..<rows).flatMap { floats[$0 * stride..<$0 * stride + columns] })
    }
    func expectDense(_ found: Elements, _ stride: Int, _ expected: Matrix, _ what: String) {
      expectClose(
        dense(found, stride: stride).elements, expected.elements, Allowance.sum(compute), what)
      let floats = found.floats
      for row in 0..<rows {
        let between = floats[row * stride + columns..<(row + 1) * stride]
        #expect(between.everySatisfies { $0.isNaN })
      }
    }
    var cosines: [Float] = []
    var sines: [Float] = []
    for position in 0..<tokens + offset {
      for frequency in angles.inverseFrequencies {
        cosines.append(Float(cos(Double(position) * frequency) * angles.factor))
        sines.append(Float(sin(Double(position) * frequency) * angles.factor))
      }
    }
    #expect(cosines.count == (tokens + offset) * half)

    for norms in [false, true] {
      let tape = Tape()
      let input = Tape.Node(dense(x, stride: xStride))
      let weightNode = Tape.Node(Matrix(rows: d, columns: 1, weight))
      let normed =
        norms
        ? tape.norm(
          input, Normalization(groupSize: d, epsilon: 0.01), weight: weightNode) : input
      let embedding = RotaryEmbedding(headSize: d, table: angles.table(positions: 1))
      let output = tape.rotary(
        normed, embedding, tokens: tokens, offset: offset, angle: angles.angle)
      tape.backward(from: output, gradient: dense(dy, stride: yStride))

      forEachInstructionSet { isa in
        let name = "\(isa), head of \(d), norm \(norms)"
        weight.withUnsafeBufferPointer { weight in
          cosines.withUnsafeBufferPointer { cosines in
            sines.withUnsafeBufferPointer { sines in
              var settings = ck_rotary(
                heads: heads, head_size: d, first: 0, rotated: size.rotated, neighbours: false,
                tokens: tokens,
                position_offset: offset, cosines: cosines.baseAddress, sines: sines.baseAddress,
                weight: norms ? weight.baseAddress : nil, epsilon: 0.01)
              let y = Elements(unwritten: rows * yStride, compute)
              let inverse = Elements(unwritten: rows * heads, .float32)
              let inverses = inverse.pointer.assumingMemoryBound(to: Float.self)
              // In two parts, as two threads would.
              for (begin, end) in [(0, 2), (2, rows)] {
                ck_rotary_forward(
                  compute.element, &settings, x.pointer, xStride, y.pointer, yStride, inverses,
                  begin, end)
              }
              expectDense(y, yStride, output.value, name)
              #expect(inverse.floats.everySatisfies { $0.isNaN != norms })

              var sums = [Float](repeating: 0, count: d)
              let dx = Elements(unwritten: rows * xStride, compute)
              sums.withUnsafeMutableBufferPointer { sums in
                ck_rotary_backward(
                  compute.element, &settings, dy.pointer, yStride, x.pointer, xStride, inverses,
                  dx.pointer, xStride, false, norms ? sums.baseAddress : nil, 0, rows)
              }
              if d > 1 { expectDense(dx, xStride, input.gradient, "\(name), backward") }
              if norms {
                expectClose(
                  sums.map(Double.init), weightNode.gradient.elements, Tolerance(ofLargest: 2e-6),
                  "\(name), weight")
              }
            }
          }
        }
      }
    }
  }
}
