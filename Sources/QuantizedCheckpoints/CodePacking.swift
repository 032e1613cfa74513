import CKernels
package import Diagnostics
package import Tensors

/// Rows of codes of some bits as dense streams, a code's first bit after the last one of the code before
/// it, counted from the lowest bit of the first byte.
///
/// Each row is a stream of its own, in whole elements of the packed type; what is left of the last one is
/// zero. Of 4 bits in bytes, the even code is in the lower half of a byte and the odd one in the upper.
package enum CodePacking {
  /// - Parameters:
  ///   - codes: `[rows, columns]` u8, each below `2^bitCount`.
  ///   - dtype: What streams consist of: i32 or u8.
  /// - Returns: `[rows, elements of a stream]`.
  package static func pack(_ codes: Tensor, bitCount: Int, into dtype: DType) -> Tensor {
    let (rows, columns) = (codes.shape[0], codes.shape[1])
    let elementBitCount = 8 * dtype.byteCount
    let width = (columns * bitCount + elementBitCount - 1) / elementBitCount
    let rowByteCount = width * dtype.byteCount
    return Tensor(filling: [rows, width], dtype: dtype) { streams in
      forRows(of: codes, streams, count: rows) { codes, streams, row in
        ck_pack(
          codes + row * columns, columns, Int32(bitCount), streams + row * rowByteCount,
          rowByteCount)
      }
    }
  }

  /// Codes that fill so many words of 32 bits; nil where a last one does not end with its word.
  package static func codeCount(ofWords count: Int, bitCount: Int) -> Int? {
    let (bits, overflows) = count.multipliedReportingOverflow(by: 32)
    return overflows || bits % bitCount != 0 ? nil : bits / bitCount
  }

  /// - Parameters:
  ///   - packed: What ``pack(_:bitCount:into:)`` makes of codes.
  ///   - columns: Codes of a row.
  /// - Returns: `[rows, columns]` u8.
  package static func unpack(_ packed: Tensor, columns: Int, bitCount: Int) -> Tensor {
    let rows = packed.shape[0]
    let rowByteCount = packed.shape[1] * packed.dtype.byteCount
    return Tensor(filling: [rows, columns], dtype: .uint8) { codes in
      forRows(of: packed, codes, count: rows) { streams, codes, row in
        ck_unpack(
          streams + row * rowByteCount, rowByteCount, Int32(bitCount), codes + row * columns,
          columns)
      }
    }
  }

  /// The 32-bit words of a stream of codes.
  package static func wordCount(_ count: Int, bitCount: Int) throws(InputError) -> Int {
    let (product, overflow) = count.multipliedReportingOverflow(by: bitCount)
    guard count >= 0, !overflow, product <= Int.max - 31 else {
      throw InputError(.malformed, "\(count) codes of \(bitCount) bits are too many")
    }
    return (product + 31) / 32
  }

  /// Codes and integers `shift` apart, wrapped to 8 bits.
  package static func add(_ shift: UInt8, to codes: Tensor, dtype: DType) -> Tensor {
    guard shift != 0 else { return codes.reinterpreted(as: dtype) }
    return Tensor(filling: codes.shape, dtype: dtype) { shifted in
      let columns = codes.shape.last ?? 1
      forRows(of: codes, shifted, count: codes.count / max(columns, 1)) { codes, shifted, row in
        for index in row * columns..<(row + 1) * columns { shifted[index] = codes[index] &+ shift }
      }
    }
  }

  /// Calls `body` with the bytes of both and each of `count` rows, spread over the thread team.
  private static func forRows(
    of source: Tensor, _ target: UnsafeMutableRawBufferPointer, count: Int,
    _ body: (UnsafePointer<UInt8>, UnsafeMutablePointer<UInt8>, Int) -> Void
  ) {
    source.withUnsafeBytes { source in
      guard let source = source.bindMemory(to: UInt8.self).baseAddress,
        let target = target.bindMemory(to: UInt8.self).baseAddress
      else { return }
      ThreadTeam.forRanges(of: count) { begin, end in
        for row in begin..<end { body(source, target, row) }
      }
    }
  }
}
