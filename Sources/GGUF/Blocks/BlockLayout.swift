import CKernels
import Tensors
import WeightBlocks

/// Where in the bytes of a block the bits of its codes and its numbers in f16 are.
struct BlockLayout {
  /// Some bits of every code.
  ///
  /// A run of `stride` bytes holds the bits of `stride` neighbours in its lowest bits, those of the next `stride` in the
  /// bits above, and so on until the bytes are full; then comes the next run.
  struct Plane {
    /// The first byte.
    let offset: Int
    /// Bits of a code.
    let bitCount: Int
    let stride: Int
    /// Where in the code the bits belong.
    var shift = 0

    /// Bits of neighbours that a byte holds.
    private var fieldCount: Int { 8 / bitCount }
    private var mask: UInt8 { UInt8(truncatingIfNeeded: (1 << bitCount) - 1) }

    /// Adds the bits to codes that have none of them yet.
    @inline(__always) func unpack(
      _ block: UnsafePointer<UInt8>, into codes: UnsafeMutablePointer<UInt8>, count: Int
    ) {
      let mask = mask
      var (source, target) = (block + offset, codes)
      for _ in 0..<count / (stride * fieldCount) {
        for field in 0..<fieldCount {
          for index in 0..<stride {
            target[index] |= (source[index] &>> UInt8(field * bitCount) & mask) &<< UInt8(shift)
          }
          target += stride
        }
        source += stride
      }
    }

    /// Adds bits of codes to a block of zeros.
    @inline(__always) func pack(
      _ codes: UnsafePointer<UInt8>, into block: UnsafeMutablePointer<UInt8>, count: Int
    ) {
      let mask = mask
      var (source, target) = (codes, block + offset)
      for _ in 0..<count / (stride * fieldCount) {
        for field in 0..<fieldCount {
          for index in 0..<stride {
            target[index] |= (source[index] &>> UInt8(shift) & mask) &<< UInt8(field * bitCount)
          }
          source += stride
        }
        target += stride
      }
    }
  }

  let planes: [Plane]
  /// What codes are combined with in files, bit by bit: q8_0 has them with a sign.
  var exclusiveOr: UInt8 = 0
  /// The byte of the scale in f16.
  var scaleOffset = 0
  /// The byte of the minimum, or its scale, in f16.
  var minimumOffset: Int?

  init(_ type: BlockType) {
    switch type {
    case .scaleBlocks(let type): self.init(type)
    case .superBlocks(let type): self.init(type)
    }
  }

  init(_ type: ScaleBlockType) {
    switch type {
    case .q40: planes = [Plane(offset: 2, bitCount: 4, stride: 16)]
    case .q41:
      planes = [Plane(offset: 4, bitCount: 4, stride: 16)]
      minimumOffset = 2
    case .q50:
      planes = [
        Plane(offset: 6, bitCount: 4, stride: 16),
        Plane(offset: 2, bitCount: 1, stride: 1, shift: 4),
      ]
    case .q51:
      planes = [
        Plane(offset: 8, bitCount: 4, stride: 16),
        Plane(offset: 4, bitCount: 1, stride: 1, shift: 4),
      ]
      minimumOffset = 2
    case .q80:
      planes = [Plane(offset: 2, bitCount: 8, stride: 32)]
      exclusiveOr = 0x80
    }
  }

  init(_ type: KQuantType) {
    switch type {
    case .q2K:
      planes = [Plane(offset: 16, bitCount: 2, stride: 32)]
      (scaleOffset, minimumOffset) = (80, 82)
    case .q3K:
      planes = [
        Plane(offset: 32, bitCount: 2, stride: 32),
        Plane(offset: 0, bitCount: 1, stride: 32, shift: 2),
      ]
      scaleOffset = 108
    case .q4K:
      planes = [Plane(offset: 16, bitCount: 4, stride: 32)]
      minimumOffset = 2
    case .q5K:
      planes = [
        Plane(offset: 48, bitCount: 4, stride: 32),
        Plane(offset: 16, bitCount: 1, stride: 32, shift: 4),
      ]
      minimumOffset = 2
    case .q6K:
      planes = [
        Plane(offset: 0, bitCount: 4, stride: 64),
        Plane(offset: 128, bitCount: 2, stride: 32, shift: 4),
      ]
      scaleOffset = 208
    }
  }

  /// Writes the codes of a block.
  func unpack(
    _ block: UnsafePointer<UInt8>, into codes: UnsafeMutablePointer<UInt8>, count: Int
  ) {
    codes.initialize(repeating: 0, count: count)
    for plane in planes { plane.unpack(block, into: codes, count: count) }
    if exclusiveOr != 0 { for index in 0..<count { codes[index] ^= exclusiveOr } }
  }

  /// Writes codes into a block of zeros.
  func pack(_ codes: UnsafePointer<UInt8>, into block: UnsafeMutablePointer<UInt8>, count: Int) {
    for plane in planes { plane.pack(codes, into: block, count: count) }
    // Only a type of whole bytes has it.
    if exclusiveOr != 0, let plane = planes.first {
      for index in plane.offset..<plane.offset + count { block[index] ^= exclusiveOr }
    }
  }

  /// The blocks of a matrix as files have them.
  ///
  /// - Parameters:
  ///   - codes: Of all elements, row by row.
  ///   - rows: How many rows, each of whole blocks.
  ///   - columns: Elements of a row.
  ///   - numbers: The scale of a block, and its minimum or the scale of its minimums, where the type has one.
  ///   - body: Writes what else a block holds.
  /// - Returns: `[rows, bytes of a row]`, u8.
  func bytes(
    of codes: [UInt8], rows: Int, columns: Int, as type: GGUFTensorType,
    numbers: (_ block: Int) -> (scale: Float, minimum: Float?),
    _ body: (_ block: Int, UnsafeMutablePointer<UInt8>) -> Void = { _, _ in }
  ) -> Tensor {
    let (size, byteCount) = (type.blockSize, type.blockByteCount)
    return Tensor(filling: [rows, columns / size * byteCount], dtype: .uint8) { target in
      codes.withUnsafeBufferPointer { codes in
        guard let codes = codes.baseAddress,
          let target = target.bindMemory(to: UInt8.self).baseAddress
        else { return }
        ThreadTeam.forRanges(of: rows * columns / size) { begin, end in
          for index in begin..<end {
            let block = target + index * byteCount
            block.initialize(repeating: 0, count: byteCount)
            pack(codes + index * size, into: block, count: size)
            let (scale, minimum) = numbers(index)
            Self.write(half: scale, to: block, at: scaleOffset)
            if let minimumOffset, let minimum {
              Self.write(half: minimum, to: block, at: minimumOffset)
            }
            body(index, block)
          }
        }
      }
    }
  }

  /// The codes of a matrix in blocks, row by row.
  ///
  /// - Parameters:
  ///   - bytes: `[rows, bytes of a row]`, u8, of whole blocks.
  ///   - body: Called with each block in order, its scale, and its minimum where the type has one.
  func codes(
    in bytes: Tensor, as type: GGUFTensorType,
    _ body: (_ block: UnsafePointer<UInt8>, _ scale: Float, _ minimum: Float?) -> Void
  ) -> [UInt8] {
    let (size, byteCount) = (type.blockSize, type.blockByteCount)
    precondition(bytes.dtype == .uint8 && bytes.shape.count == 2)
    precondition(bytes.shape[1] % byteCount == 0)
    let count = bytes.count / byteCount
    return [UInt8](unsafeUninitializedCapacity: count * size) { codes, initialized in
      initialized = count * size
      bytes.withUnsafeBytes { source in
        guard let source = source.assumingMemoryBound(to: UInt8.self).baseAddress,
          let codes = codes.baseAddress
        else { return }
        for index in 0..<count {
          let block = source + index * byteCount
          unpack(block, into: codes + index * size, count: size)
          body(
            block, Self.half(block, at: scaleOffset),
            minimumOffset.map { Self.half(block, at: $0) })
        }
      }
    }
  }

  /// The first of blocks in a row whose scale or minimum is infinite or NaN. So are then all its numbers, and none of other
  /// blocks: products of numbers of f16 and codes are far below the greatest of f32.
  func firstNonFinite(_ blocks: UnsafeRawBufferPointer, byteCount: Int) -> Int? {
    let offsets = [scaleOffset] + (minimumOffset.map { [$0] } ?? [])
    // The bits of the exponent lie in the second byte.
    return (0..<blocks.count / byteCount).first { block in
      offsets.contains { blocks[block * byteCount + $0 + 1] & 0x7C == 0x7C }
    }
  }

  /// A number in f16 at a byte of a block.
  private static func half(_ block: UnsafePointer<UInt8>, at offset: Int) -> Float {
    var pattern = UInt16(block[offset]) | UInt16(block[offset + 1]) << 8
    var number: Float = 0
    ck_f16_to_f32(&pattern, &number, 1)
    return number
  }

  /// Writes a number, exact in f16, at a byte of a block.
  private static func write(
    half number: Float, to block: UnsafeMutablePointer<UInt8>, at offset: Int
  ) {
    var (number, pattern): (Float, UInt16) = (number, 0)
    ck_f32_to_f16(&number, &pattern, 1)
    block[offset] = UInt8(truncatingIfNeeded: pattern)
    block[offset + 1] = UInt8(truncatingIfNeeded: pattern >> 8)
  }
}
