package import Diagnostics
package import Quantization
package import Tensors
package import WeightBlocks

extension GGUFTensorType {
  package init(_ type: BlockType) {
    switch type {
    case .scaleBlocks(let type): self.init(type)
    case .superBlocks(let type): self.init(type)
    }
  }

  /// The kind of block; nil where elements are stored one by one.
  package var blocks: BlockType? {
    if case .blocks(let type) = storage { type } else { nil }
  }

  /// A tuned weight in blocks of this type, as files have them: its own codes and scales, nothing of which is computed
  /// again.
  ///
  /// - Throws: `unsupported` for numbers that the type does not hold as they are; `malformed` if the blocks, read again,
  ///   are other numbers than the weight's.
  package func blocks(of weight: QuantizedWeight) throws(InputError) -> Tensor {
    let bytes: Tensor
    switch storage {
    case .plain: preconditionFailure("\(name) has no blocks")
    case .blocks(.superBlocks(let type)): bytes = KQuantizedWeight(weight, type: type).bytes
    case .blocks(.scaleBlocks(let type)):
      bytes =
        try weight.arguments.blocks == nil
        ? ScaleBlockWeight(weight, type: type).bytes
        : ScaleBlockWeight(searched: weight, type: type).bytes
    }
    let step = max(1, (1 << 20) / weight.columns)
    for first in stride(from: 0, to: weight.rows, by: step) {
      let rows = first..<min(first + step, weight.rows)
      let expected = Tensor(filling: [rows.count, weight.columns], dtype: .float32) { target in
        guard let target = target.baseAddress else { return }
        weight.write(
          rows: rows, columns: 0..<weight.columns, into: target, dtype: .float32,
          rowStride: weight.columns)
      }
      guard numbers(bytes.slice(rows)).floats() == expected.floats() else {
        throw InputError(
          .malformed, place: "rows from \(first)",
          "blocks of \(name) do not give the numbers that they were made of")
      }
    }
    return bytes
  }
}
