package import Quantization
package import Tensors

extension KQuantizedWeight {
  /// The super-blocks as files have them: `[rows, bytes of a row]`, u8.
  ///
  /// - Precondition: Scales are in f16.
  package var bytes: Tensor {
    precondition(scaleDType == .float16)
    let layout = BlockLayout(type)
    let (size, blockByteCount) = (KQuantType.superBlockSize, GGUFTensorType(type).blockByteCount)
    return Tensor(filling: [rows, columns / size * blockByteCount], dtype: .uint8) { target in
      codes.withUnsafeBufferPointer { codes in
        guard let codes = codes.baseAddress,
          let target = target.bindMemory(to: UInt8.self).baseAddress
        else { return }
        nonisolated(unsafe) let (source, output) = (codes, target)
        ThreadTeam.forRanges(of: superBlocks.count) { begin, end in
          for index in begin..<end {
            let (block, numbers) = (output + index * blockByteCount, superBlocks[index])
            block.initialize(repeating: 0, count: blockByteCount)
            layout.pack(source + index * size, into: block, count: size)
            SubBlockScales.write(numbers, type, to: block)
            BlockLayout.write(half: numbers.scale, to: block, at: layout.scaleOffset)
            if let offset = layout.minimumOffset {
              BlockLayout.write(half: numbers.minimumScale, to: block, at: offset)
            }
          }
        }
      }
    }
  }

  /// Reads the super-blocks of a weight.
  ///
  /// - Parameter bytes: `[rows, bytes of a row]`, u8, of whole super-blocks.
  package init(bytes: Tensor, type: KQuantType) {
    let layout = BlockLayout(type)
    let (size, blockByteCount) = (KQuantType.superBlockSize, GGUFTensorType(type).blockByteCount)
    precondition(bytes.dtype == .uint8 && bytes.shape.count == 2)
    precondition(bytes.shape[1] % blockByteCount == 0)
    let count = bytes.count / blockByteCount
    var superBlocks: [KQuantSuperBlock] = []
    superBlocks.reserveCapacity(count)
    let codes = [UInt8](unsafeUninitializedCapacity: count * size) { codes, initialized in
      initialized = count * size
      bytes.withUnsafeBytes { source in
        guard let source = source.assumingMemoryBound(to: UInt8.self).baseAddress,
          let codes = codes.baseAddress
        else { return }
        for index in 0..<count {
          let block = source + index * blockByteCount
          layout.unpack(block, into: codes + index * size, count: size)
          let (scales, minimums) = SubBlockScales.read(block, type)
          superBlocks.append(
            KQuantSuperBlock(
              scale: BlockLayout.half(block, at: layout.scaleOffset),
              minimumScale: layout.minimumOffset.map { BlockLayout.half(block, at: $0) } ?? 0,
              scales: scales, minimums: minimums))
        }
      }
    }
    self.init(
      type: type, rows: bytes.shape[0], columns: bytes.shape[1] / blockByteCount * size,
      codes: codes, superBlocks: superBlocks, scaleDType: .float16)
  }
}
