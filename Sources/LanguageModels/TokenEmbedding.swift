package import Compute
import Diagnostics
package import Tensors

/// The table that turns token ids into the first block's input.
package struct TokenEmbedding {
  private let table: Tensor
  private let vocabularySize: Int
  private let hiddenSize: Int
  private let compute: ComputeType

  package init(_ model: ModelDescription, source: any TensorSource, compute: ComputeType) throws {
    table = try source.tensor(model.embedding, shape: [model.vocabularySize, model.hiddenSize])
    vocabularySize = model.vocabularySize
    hiddenSize = model.hiddenSize
    self.compute = compute
  }

  /// Writes the rows of `ids` one after the other to `output`, `[ids.count, hidden size]`.
  package func write(_ ids: some Sequence<Int>, to output: UnsafeMutableRawPointer) throws {
    let rowByteCount = hiddenSize * compute.byteCount
    for (position, id) in ids.enumerated() {
      guard id >= 0, id < vocabularySize else {
        throw InputError(
          .invalidValue, place: "token \(position)",
          "the token id \(id) is outside the vocabulary of \(vocabularySize)")
      }
      table.slice(id..<id + 1).converted(to: compute.dtype).withUnsafeBytes {
        (output + position * rowByteCount).copyMemory(
          from: $0.baseAddress!, byteCount: rowByteCount)
      }
    }
  }
}
