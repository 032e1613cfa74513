import Checkpoints
import Foundation
import Inspection
import Tensors
import TestSupport
import Testing

/// What `diff` says of the numbers of two tensors that are compared in several pieces.
@Suite struct DifferenceTests {
  private func difference(
    _ first: Tensor, _ second: Tensor
  ) throws -> CheckpointDifference.Difference? {
    try withTemporaryFolder { folder in
      let folders = try [first, second].enumerated().map { index, tensor in
        let output = folder.appending(path: "\(index)")
        let writer = try CheckpointWriter(
          output: output,
          tensors: [TensorInfo(name: "x", dtype: tensor.dtype, shape: tensor.shape)], sources: [],
          overwrite: false)
        try writer.write(tensor, named: "x")
        try writer.write("{\"model_type\": \"x\"}", toFile: "config.json")
        try writer.finish()
        return output
      }
      return try CheckpointDifference.between(folders[0], folders[1]).entries.first?.error
    }
  }

  private let numbers = (0..<20_003).map { Float($0 % 251) - 100 }

  private func changed(_ changes: [Int: Float], from numbers: [Float]? = nil) -> Tensor {
    var numbers = numbers ?? self.numbers
    for (index, number) in changes { numbers[index] = number }
    return Tensor(numbers, shape: [numbers.count])
  }

  @Test func pieces() throws {
    let first = changed([:])
    #expect(try difference(first, first)?.differingCount == 0)
    // The same numbers in another type.
    let same = try #require(try difference(first, first.converted(to: .bfloat16)))
    #expect(same.differingCount == 0 && same.relativeError == 0 && same.count == 20_003)
    // One in each piece, and one after the last four.
    let places = [5, 9_000, 19_999, 20_002]
    let second = changed(
      Dictionary(
        uniqueKeysWithValues: places.map { ($0, numbers[$0] + Float($0 == 9_000 ? 3 : 1)) }))
    let found = try #require(try difference(first, second))
    #expect(found.differingCount == 4 && found.largestDifference == 3)
    let squares = numbers.reduce(0.0) { $0 + Double($1) * Double($1) }
    #expect(abs(found.relativeError / (12 / squares).squareRoot() - 1) < 1e-12)
  }

  /// What is no number on both sides is the same; on one side it counts, and hides no other difference.
  @Test func elementsThatAreNoNumbers() throws {
    let first = changed([3: 10, 7: .nan, 11: 20, 15: .infinity])
    let found = try #require(
      try difference(first, changed([3: 15, 7: .nan, 11: 20.5, 15: .infinity])))
    #expect(found.differingCount == 2 && found.largestDifference == 5)
    let one = try #require(
      try difference(changed([3: 10, 11: 20]), changed([3: 15, 7: .nan, 11: 20.5])))
    #expect(one.differingCount == 3 && one.largestDifference == 5 && one.relativeError.isNaN)
  }
}
