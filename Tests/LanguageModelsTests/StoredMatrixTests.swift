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
    var steps: [StoredMatrix.Step]
    var shape: [Int]
    var numbers: [Float]
  }

  /// Rows that are neighbours where they are stored, in all but the last two.
  static let storages: [Storage] = [
    Storage(steps: [], shape: [4, 3], numbers: matrix),
    Storage(steps: [.rows(from: 2, of: 7)], shape: [7, 3], numbers: other(6) + matrix + other(3)),
    Storage(
      steps: [.member(1, of: 3)], shape: [3, 4, 3], numbers: other(12) + matrix + other(12)),
    // The second half of the second expert's gate and up projection.
    Storage(
      steps: [.member(1, of: 2), .rows(from: 4, of: 8)], shape: [2, 8, 3],
      numbers: other(36) + matrix),
    // Rows of two matrices that take turns.
    Storage(steps: [.every(2, from: 1)], shape: [8, 3], numbers: turns),
    Storage(
      steps: [.member(0, of: 2), .every(2, from: 1)], shape: [2, 8, 3], numbers: turns + other(24)),
  ]

  private static let turns = (0..<4).flatMap { other(3) + matrix[3 * $0..<3 * $0 + 3] }

  @Test(arguments: storages) func everyStorageGivesTheMatrix(storage: Storage) throws {
    for dtype in [DType.float32, .bfloat16] {
      let whole = Tensor(storage.numbers, shape: storage.shape).converted(to: dtype)
      let stored = StoredMatrix("w", storage.steps)
      let read = try stored.read([4, 3], in: "block", from: OneTensor("block.w", whole))
      #expect(read.shape == [4, 3] && read.dtype == dtype)
      #expect(read.floats() == Self.matrix)

      let transposed = StoredMatrix("w", storage.steps, isTransposed: true)
      let turned = try transposed.read([4, 3], in: "", from: OneTensor("w", Self.turned(whole)))
      #expect(turned.shape == [4, 3] && turned.floats() == Self.matrix)
    }
  }

  /// More than a square of what is turned at once.
  @Test func largeMatricesAreTurned() throws {
    let (rows, columns) = (70, 131)
    let numbers = (0..<rows * columns).map { Float($0) }
    let whole = Tensor(numbers, shape: [rows, columns])
    let read = try StoredMatrix("w", isTransposed: true).read(
      [rows, columns], in: "", from: OneTensor("w", Self.turned(whole)))
    #expect(read.floats() == numbers)
  }

  /// A bias that is a part of another; there is nothing to transpose.
  @Test func vectorsAreReadLikeMatrices() throws {
    let whole = Tensor((0..<6).map { Float($0) }, shape: [6])
    func read(_ steps: [StoredMatrix.Step], _ rows: Int, of whole: Tensor) throws -> [Float] {
      try StoredMatrix("b", steps, isTransposed: true)
        .read([rows], in: "", from: OneTensor("b", whole)).floats()
    }
    #expect(try read([], 6, of: whole) == [0, 1, 2, 3, 4, 5])
    #expect(try read([.rows(from: 1, of: 6)], 2, of: whole) == [1, 2])
    #expect(try read([.every(3, from: 1)], 2, of: whole) == [1, 4])
    let stack = whole.reshaped([3, 2])
    #expect(try read([.member(2, of: 3)], 2, of: stack) == [4, 5])
    #expect(try read([.member(1, of: 3), .every(2, from: 1)], 1, of: stack) == [3])
  }

  /// A whole tensor, rows and a member of a stack are not copied.
  @Test(arguments: storages.prefix(4)) func neighboursAreReadInPlace(storage: Storage) throws {
    let whole = Tensor(storage.numbers, shape: storage.shape)
    let read = try StoredMatrix("w", storage.steps).read(
      [4, 3], in: "", from: OneTensor("w", whole))
    let (outer, inner) = (
      whole.withUnsafeBytes { UInt(bitPattern: $0.baseAddress) },
      read.withUnsafeBytes { UInt(bitPattern: $0.baseAddress) }
    )
    #expect(inner >= outer && inner < outer + UInt(whole.byteCount))
  }

  @Test(arguments: [
    [StoredMatrix.Step.rows(from: 2, of: 5)], [.rows(from: -1, of: 9)],
    [.rows(from: .max, of: .max)], [.member(3, of: 3)], [.member(-1, of: 3)],
    [.every(2, from: 2)], [.every(0, from: 0)], [.every(.max, from: 0)],
    [.rows(from: 0, of: 8), .member(0, of: 3)], [.member(0, of: 3), .rows(from: 5, of: 8)],
    [.rows(from: 0, of: 4), .every(2, from: 0)],
  ])
  func partsOutsideOfTheTensorAreErrors(steps: [StoredMatrix.Step]) {
    let source = OneTensor("block.w", Tensor(zeros: [4, 3], dtype: .float32))
    expectInputError(.invalidValue, mentioning: ["block.w", "[4, 3]"]) {
      _ = try StoredMatrix("w", steps).read([4, 3], in: "block", from: source)
    }
  }

  /// The source compares the tensor's shape with the one that the part needs.
  @Test(arguments: [
    ([], [4, 3]), ([StoredMatrix.Step.rows(from: 0, of: 9)], [9, 3]),
    ([.member(0, of: 5)], [5, 4, 3]), ([.every(3, from: 0)], [12, 3]),
    ([.member(0, of: 5), .rows(from: 4, of: 8)], [5, 8, 3]),
  ]) func shapesOfTensors(steps: [StoredMatrix.Step], shape: [Int]) {
    #expect(StoredMatrix("w", steps).tensorShape(of: [4, 3]) == shape)
    let turned = Array(shape.dropLast(2)) + shape.suffix(2).reversed()
    #expect(StoredMatrix("w", steps, isTransposed: true).tensorShape(of: [4, 3]) == turned)
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
