package import Tensors
package import WeightBlocks

extension KQuantizedWeight {
  /// The super-blocks as files have them: `[rows, bytes of a row]`, u8.
  ///
  /// - Precondition: Scales are in f16.
  package var bytes: Tensor {
    precondition(scaleDType == .float16)
    return BlockLayout(type).bytes(
      of: codes, rows: rows, columns: columns, as: GGUFTensorType(type)
    ) {
      (superBlocks[$0].scale, superBlocks[$0].minimumScale)
    } _: { index, block in
      SubBlockScales.write(superBlocks[index], type, to: block)
    }
  }

  /// Reads the super-blocks of a weight.
  ///
  /// - Parameter bytes: `[rows, bytes of a row]`, u8, of whole super-blocks.
  package init(bytes: Tensor, type: KQuantType) {
    var superBlocks: [KQuantSuperBlock] = []
    let codes = BlockLayout(type).codes(in: bytes, as: GGUFTensorType(type)) {
      block, scale, minimum in
      let (scales, minimums) = SubBlockScales.read(block, type)
      superBlocks.append(
        KQuantSuperBlock(
          scale: scale, minimumScale: minimum ?? 0, scales: scales, minimums: minimums))
    }
    self.init(
      type: type, rows: bytes.shape[0],
      columns: bytes.shape[1] / GGUFTensorType(type).blockByteCount * KQuantType.superBlockSize,
      codes: codes,
      superBlocks: superBlocks, scaleDType: .float16)
  }
}
