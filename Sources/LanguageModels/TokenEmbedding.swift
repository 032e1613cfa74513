package import Compute
import Diagnostics
import Foundation
package import Recordings
package import Tensors

/// The first block's input for token ids.
package struct TokenEmbedding {
  private let front: ModelFront
  private let table: Tensor
  private let positions: Tensor?
  /// Weights and biases of the norm.
  private let norm: (weight: [Float], bias: [Float])?
  /// Models round the factor to the type that they compute in.
  private let factor: Float
  private let compute: ComputeType

  package init(_ front: ModelFront, source: any TensorSource, compute: ComputeType) throws {
    self.front = front
    table = try front.table.read([front.vocabularySize, front.width], in: "", from: source)
    positions = try front.positions.map {
      try $0.table.read([$0.count, front.width], in: "", from: source)
    }
    norm = try front.norm.map { norm in
      func floats(_ stored: StoredMatrix?) throws -> [Float]? {
        try stored?.read([front.width], in: "", from: source).floats()
      }
      return (
        try floats(norm.weights.first) ?? Array(repeating: 1, count: front.width),
        try floats(norm.bias) ?? Array(repeating: 0, count: front.width)
      )
    }
    factor = Tensor([front.factor], shape: [1]).converted(to: compute.dtype).floats()[0]
    self.compute = compute
  }

  /// Writes the rows of `ids`, neighbouring tokens of one sequence, one after the other to `output`,
  /// `[ids.count, hidden size]`.
  ///
  /// - Parameter first: The position of the first token.
  package func write(
    _ ids: some Sequence<Int>, from first: Int = 0, to output: DeviceRange
  ) throws {
    let rowByteCount = front.width * compute.byteCount
    for (index, id) in ids.enumerated() {
      guard id >= 0, id < front.vocabularySize else {
        throw InputError(
          .invalidValue, place: "token \(index)",
          "the token id \(id) is outside the vocabulary of \(front.vocabularySize)")
      }
      let row = output + index * rowByteCount
      try self.row(id, position: first + index).converted(to: compute.dtype).withUnsafeBytes {
        row.upload($0)
      }
    }
  }

  private func row(_ id: Int, position: Int) throws -> Tensor {
    let row = table.slice(id..<id + 1)
    guard front.factor != 1 || positions != nil || norm != nil else { return row }
    var numbers = row.floats().map { $0 * factor }
    if let positions, let settings = front.positions {
      guard position + settings.first < settings.count else {
        throw InputError(
          .invalidValue, place: "token \(position)",
          "the model has \(settings.count - settings.first) positions")
      }
      let place = position + settings.first
      for (index, number) in positions.slice(place..<place + 1).floats().enumerated() {
        numbers[index] += number
      }
    }
    if let norm, let slot = front.norm { numbers = normalized(numbers, slot, norm) }
    return Tensor(numbers, shape: [1, front.width])
  }

  private func normalized(
    _ x: [Float], _ slot: NormSlot, _ norm: (weight: [Float], bias: [Float])
  ) -> [Float] {
    let count = Double(x.count)
    let mean = slot.kind.isCentered ? x.reduce(0) { $0 + Double($1) } / count : 0
    let variance = x.reduce(0) { $0 + (Double($1) - mean) * (Double($1) - mean) } / count
    let inverse = 1 / (variance + Double(slot.kind.epsilon)).squareRoot()
    return x.indices.map {
      Float((Double(x[$0]) - mean) * inverse) * norm.weight[$0] + norm.bias[$0]
    }
  }
}
