package import Quantization
package import Tensors

extension ScaleBlockWeight {
  /// The blocks as files have them: `[rows, bytes of a row]`, u8.
  package var bytes: Tensor {
    let layout = BlockLayout(type)
    let (size, blockByteCount) = (ScaleBlockType.size, GGUFTensorType(type).blockByteCount)
    return Tensor(filling: [rows, columns / size * blockByteCount], dtype: .uint8) { target in
      codes.withUnsafeBufferPointer { codes in
        guard let codes = codes.baseAddress,
          let target = target.bindMemory(to: UInt8.self).baseAddress
        else { return }
        nonisolated(unsafe) let (source, output) = (codes, target)
        ThreadTeam.forRanges(of: scales.count) { begin, end in
          for index in begin..<end {
            let block = output + index * blockByteCount
            block.initialize(repeating: 0, count: blockByteCount)
            layout.pack(source + index * size, into: block, count: size)
            BlockLayout.write(half: scales[index], to: block, at: layout.scaleOffset)
            if let offset = layout.minimumOffset, let minimums {
              BlockLayout.write(half: minimums[index], to: block, at: offset)
            }
          }
        }
      }
    }
  }

  /// Reads the blocks of a weight.
  ///
  /// - Parameter bytes: `[rows, bytes of a row]`, u8, of whole blocks.
  package init(bytes: Tensor, type: ScaleBlockType) {
    let layout = BlockLayout(type)
    let (size, blockByteCount) = (ScaleBlockType.size, GGUFTensorType(type).blockByteCount)
    precondition(bytes.dtype == .uint8 && bytes.shape.count == 2)
    precondition(bytes.shape[1] % blockByteCount == 0)
    let count = bytes.count / blockByteCount
    var (scales, minimums): ([Float], [Float]) = ([], [])
    scales.reserveCapacity(count)
    let codes = [UInt8](unsafeUninitializedCapacity: count * size) { codes, initialized in
      initialized = count * size
      bytes.withUnsafeBytes { source in
        guard let source = source.assumingMemoryBound(to: UInt8.self).baseAddress,
          let codes = codes.baseAddress
        else { return }
        for index in 0..<count {
          let block = source + index * blockByteCount
          layout.unpack(block, into: codes + index * size, count: size)
          scales.append(BlockLayout.half(block, at: layout.scaleOffset))
          if let offset = layout.minimumOffset {
            minimums.append(BlockLayout.half(block, at: offset))
          }
        }
      }
    }
    self.init(
      type: type, rows: bytes.shape[0], columns: bytes.shape[1] / blockByteCount * size,
      codes: codes, scales: scales, minimums: type.isAsymmetric ? minimums : nil)
  }
}
