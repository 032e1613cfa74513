import Diagnostics
import LanguageModels
import Tensors
import TestSupport
import Testing

@Suite struct StoredMatrixTests {
  /// The matrix that all ways of storage hold: 4 rows of 3 columns, counting from 0.
  private static let matrix = (0..<12).map { Float($0) }

  /// Numbers that are not the matrix's.
  private static func other(_ count: Int) -> [Float] { Array(repeating: -1, count: count) }

  /// A part of a tensor, and the tensor's shape and numbers.
  struct Storage: Sendable {
    var slice: StoredMatrix.Slice
    var shape: [Int]
    var numbers: [Float]
  }

  static let storages: [Storage] = [
    Storage(slice: .whole, shape: [4, 3], numbers: matrix),
    Storage(slice: .rows(from: 2, of: 7), shape: [7, 3], numbers: other(6) + matrix + other(3)),
    Storage(slice: .member(1, of: 3), shape: [3, 4, 3], numbers: other(12) + matrix + other(12)),
    // Two heads of two rows each: query, key and value of one, then of the other.
    Storage(
      slice: .interleaved(1, of: 3, headSize: 2), shape: [12, 3],
      numbers: other(6) + matrix[..<6] + other(12) + matrix[6...] + other(6)),
  ]

  @Test(arguments: storages) func everyStorageGivesTheMatrix(storage: Storage) throws {
    for dtype in [DType.float32, .bfloat16] {
      let whole = Tensor(storage.numbers, shape: storage.shape).converted(to: dtype)
      let stored = StoredMatrix("w", storage.slice)
      let read = try stored.read([4, 3], in: "block", from: OneTensor("block.w", whole))
      #expect(read.shape == [4, 3] && read.dtype == dtype)
      #expect(read.floats() == Self.matrix)

      let transposed = StoredMatrix("w", storage.slice, isTransposed: true)
      let turned = try transposed.read([4, 3], in: "", from: OneTensor("w", Self.turned(whole)))
      #expect(turned.shape == [4, 3] && turned.floats() == Self.matrix)
    }
  }

  /// A bias that is a part of another.
  @Test func vectorsAreReadLikeMatrices() throws {
    let whole = Tensor((0..<6).map { Float($0) }, shape: [6])
    func read(_ slice: StoredMatrix.Slice, _ rows: Int) throws -> [Float] {
      try StoredMatrix("b", slice).read([rows], in: "", from: OneTensor("b", whole)).floats()
    }
    #expect(try read(.whole, 6) == [0, 1, 2, 3, 4, 5])
    #expect(try read(.rows(from: 1, of: 6), 2) == [1, 2])
    #expect(try read(.interleaved(1, of: 3, headSize: 1), 2) == [1, 4])
  }

  /// A whole tensor, rows and a member of a stack are not copied.
  @Test(arguments: storages.prefix(3)) func neighboursAreReadInPlace(storage: Storage) throws {
    let whole = Tensor(storage.numbers, shape: storage.shape)
    let read = try StoredMatrix("w", storage.slice).read(
      [4, 3], in: "", from: OneTensor("w", whole))
    let (outer, inner) = (
      whole.withUnsafeBytes { UInt(bitPattern: $0.baseAddress) },
      read.withUnsafeBytes { UInt(bitPattern: $0.baseAddress) }
    )
    #expect(inner >= outer && inner < outer + UInt(whole.byteCount))
  }

  @Test(arguments: [
    StoredMatrix.Slice.rows(from: 2, of: 5), .rows(from: -1, of: 9), .rows(from: .max, of: .max),
    .member(3, of: 3), .member(-1, of: 3), .interleaved(3, of: 3, headSize: 2),
    .interleaved(0, of: 3, headSize: 0), .interleaved(0, of: 3, headSize: 3),
  ])
  func partsOutsideOfTheTensorAreErrors(slice: StoredMatrix.Slice) {
    let source = OneTensor("block.w", Tensor(zeros: [4, 3], dtype: .float32))
    expectInputError(.invalidValue, mentioning: ["block.w", "[4, 3]"]) {
      _ = try StoredMatrix("w", slice).read([4, 3], in: "block", from: source)
    }
  }

  /// The source compares the tensor's shape with the one that the part needs.
  @Test(arguments: [
    (StoredMatrix.Slice.whole, [4, 3]), (.rows(from: 0, of: 9), [9, 3]),
    (.member(0, of: 5), [5, 4, 3]), (.interleaved(0, of: 3, headSize: 2), [12, 3]),
  ]) func shapesOfTensors(slice: StoredMatrix.Slice, shape: [Int]) {
    #expect(StoredMatrix("w", slice).tensorShape(of: [4, 3]) == shape)
    let turned = Array(shape.dropLast(2)) + shape.suffix(2).reversed()
    #expect(StoredMatrix("w", slice, isTransposed: true).tensorShape(of: [4, 3]) == turned)
  }

  /// The last two dimensions change places.
  private static func turned(_ tensor: Tensor) -> Tensor {
    let (rows, columns) = (tensor.shape[tensor.shape.count - 2], tensor.shape.last!)
    let floats = tensor.floats()
    let turned = floats.indices.map { index in
      let (matrix, place) = index.quotientAndRemainder(dividingBy: rows * columns)
      return floats[matrix * rows * columns + place % rows * columns + place / rows]
    }
    return Tensor(turned, shape: tensor.shape.dropLast(2) + [columns, rows])
      .converted(to: tensor.dtype)
  }
}

/// A source with one tensor, which must be asked for by its shape.
private struct OneTensor: TensorSource {
  let name: String
  let tensor: Tensor

  init(_ name: String, _ tensor: Tensor) { (self.name, self.tensor) = (name, tensor) }

  func contains(_ name: String) -> Bool { name == self.name }

  func tensor(_ name: String, shape: [Int]) throws -> Tensor {
    #expect(name == self.name && shape == tensor.shape)
    return tensor
  }
}
