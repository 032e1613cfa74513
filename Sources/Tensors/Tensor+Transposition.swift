extension Tensor {
  /// A matrix with its rows as columns.
  package func transposed() -> Tensor {
    precondition(shape.count == 2, "only a matrix has columns")
    return Tensor(filling: [shape[1], shape[0]], dtype: dtype) { result in
      withUnsafeBytes { elements in
        switch dtype.byteCount {
        case 1: Self.transpose(elements, UInt8.self, shape[0], shape[1], into: result)
        case 2: Self.transpose(elements, UInt16.self, shape[0], shape[1], into: result)
        case 4: Self.transpose(elements, UInt32.self, shape[0], shape[1], into: result)
        default: Self.transpose(elements, UInt64.self, shape[0], shape[1], into: result)
        }
      }
    }
  }

  /// Rows of the result that are filled side by side, so that what is read at once of a row of the source is used.
  private static let tile = 32

  private static func transpose<Element: BitwiseCopyable>(
    _ source: UnsafeRawBufferPointer, _: Element.Type, _ rows: Int, _ columns: Int,
    into target: UnsafeMutableRawBufferPointer
  ) {
    guard let source = source.baseAddress?.assumingMemoryBound(to: Element.self),
      let target = target.baseAddress?.assumingMemoryBound(to: Element.self)
    else { return }
    ThreadTeam.forRanges(of: (columns + tile - 1) / tile) { begin, end in
      for first in stride(from: begin * tile, to: min(end * tile, columns), by: tile) {
        let last = min(first + tile, columns)
        for row in 0..<rows {
          for column in first..<last {
            target[column * rows + row] = source[row * columns + column]
          }
        }
      }
    }
  }
}
