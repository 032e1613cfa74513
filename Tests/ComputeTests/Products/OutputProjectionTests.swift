import Compute
import ReferenceDevice
import Tensors
import TestSupport
import Testing

@Suite(.oneAtATime) struct OutputProjectionTests {
  @Test(arguments: ComputeType.available, [(1, 5, 16), (3, 300, 40), (9, 33, 64)])
  func logitsAreTheHeadOfTheNorm(
    compute: ComputeType, size: (rows: Int, vocabulary: Int, hidden: Int)
  ) throws {
    var generator = SeededGenerator(seed: 6)
    let head = generator.tensor(
      [size.vocabulary, size.hidden], deviation: 0.2, dtype: compute.dtype)
    let norm = generator.tensor([size.hidden])
    let hidden = Elements(generator.normal(size.rows * size.hidden), compute)
    let tape = Tape()
    func leaf(_ floats: [Float], columns: Int) -> Tape.Node {
      Tape.Node(Matrix(rows: floats.count / columns, columns: columns, floats))
    }
    let normed = tape.rmsNorm(
      leaf(hidden.floats, columns: size.hidden), weight: leaf(norm.floats(), columns: 1),
      epsilon: 1e-5)
    let expected = tape.linear(
      normed, weight: leaf(head.floats(), columns: size.hidden), bias: nil)
    let projection = OutputProjection(
      norm: norm, epsilon: 1e-5, head: head, device: try CPUDevice(compute: compute))
    #expect(projection.vocabularySize == size.vocabulary)
    try forEachInstructionSet { name in
      let logits = try projection.logits(of: hidden.pointer, rows: size.rows)
      // Logits are f32; in bf16 the norm's result is rounded before the product.
      expectClose(
        Array(UnsafeBufferPointer(start: logits, count: size.rows * size.vocabulary))
          .map(Double.init),
        expected.value.elements,
        compute == .float32 ? Tolerance(ofLargest: 1e-6) : Tolerance(ofLargest: 0x1p-8), name)
    }
  }

  @Test func theFirstRowsDoNotDependOnHowManyFollow() throws {
    var generator = SeededGenerator(seed: 7)
    let projection = OutputProjection(
      norm: generator.tensor([24]), epsilon: 1e-6, head: generator.tensor([50, 24]),
      device: try CPUDevice(compute: .float32))
    #expect(projection.rowLimit == 1024)
    let hidden = Elements(generator.normal(40 * 24), .float32)
    func logits(_ rows: Int) throws -> [Float] {
      let pointer = try projection.logits(of: hidden.pointer, rows: rows)
      return Array(UnsafeBufferPointer(start: pointer, count: rows * 50))
    }
    let all = try logits(40)
    for rows in [1, 2, 17] {
      expectClose(try logits(rows), Array(all[..<(rows * 50)]), Tolerance(ofLargest: 1e-6))
    }
  }

  /// Logits are made in pieces of 64 MiB.
  @Test func largeVocabulariesTakeFewerRows() throws {
    let projection = OutputProjection(
      norm: Tensor(zeros: [1], dtype: .float32), epsilon: 1,
      head: Tensor(zeros: [100_000, 1], dtype: .float32), device: try CPUDevice(compute: .float32))
    #expect(projection.rowLimit == 167)
  }
}
