package import Compute
import Diagnostics
package import Tensors

/// The table that turns token ids into the first block's input.
package struct TokenEmbedding {
  private let front: ModelFront
  private let table: Tensor
  private let compute: ComputeType

  package init(_ front: ModelFront, source: any TensorSource, compute: ComputeType) throws {
    self.front = front
    table = try front.table.read([front.vocabularySize, front.width], in: "", from: source)
    self.compute = compute
  }

  /// Writes the rows of `ids` one after the other to `output`, `[ids.count, hidden size]`.
  package func write(_ ids: some Sequence<Int>, to output: DeviceRange) throws {
    let rowByteCount = front.width * compute.byteCount
    for (position, id) in ids.enumerated() {
      guard id >= 0, id < front.vocabularySize else {
        throw InputError(
          .invalidValue, place: "token \(position)",
          "the token id \(id) is outside the vocabulary of \(front.vocabularySize)")
      }
      let row = output + position * rowByteCount
      table.slice(id..<id + 1).converted(to: compute.dtype).withUnsafeBytes { row.upload($0) }
    }
  }
}
