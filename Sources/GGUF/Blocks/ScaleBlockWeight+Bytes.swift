package import Tensors
package import WeightBlocks

extension ScaleBlockWeight {
  /// The blocks as files have them: `[rows, bytes of a row]`, u8.
  package var bytes: Tensor {
    BlockLayout(type).bytes(of: codes, rows: rows, columns: columns, as: GGUFTensorType(type)) {
      (scales[$0], minimums?[$0])
    }
  }

  /// Reads the blocks of a weight.
  ///
  /// - Parameter bytes: `[rows, bytes of a row]`, u8, of whole blocks.
  package init(bytes: Tensor, type: ScaleBlockType) {
    var (scales, minimums): ([Float], [Float]) = ([], [])
    let codes = BlockLayout(type).codes(in: bytes, as: GGUFTensorType(type)) { _, scale, minimum in
      scales.append(scale)
      if let minimum { minimums.append(minimum) }
    }
    self.init(
      type: type, rows: bytes.shape[0],
      columns: bytes.shape[1] / GGUFTensorType(type).blockByteCount * ScaleBlockType.size,
      codes: codes,
      scales: scales, minimums: type.isAsymmetric ? minimums : nil)
  }
}
