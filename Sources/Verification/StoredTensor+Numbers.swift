import Tensors

extension StoredTensor {
  /// The elements as numbers; nil for types that are not floating-point.
  var floats: [Float]? {
    // Lets go of the memory.
    defer { withBytes { _ in } }
    var isRead = false
    let count = shape.reduce(1, *)
    let numbers = [Float](unsafeUninitializedCapacity: count) { target, initialized in
      guard let base = target.baseAddress else { return isRead = true }
      isRead = read(0..<count, into: base)
      initialized = isRead ? count : 0
    }
    return isRead ? numbers : nil
  }

  /// Writes some of the elements as numbers, as many as the range has; gives false and writes nothing for
  /// types that are not floating-point.
  func read(_ range: Range<Int>, into target: UnsafeMutablePointer<Float>) -> Bool {
    read(from: range.lowerBound, count: range.count, into: target)
  }

  /// The same with every n-th element from a first one on.
  func read(
    from first: Int, by stride: Int = 1, count: Int, into target: UnsafeMutablePointer<Float>
  ) -> Bool {
    file.storage.withBytes(in: entry.range) { bytes in
      func fill<Word: FixedWidthInteger>(_ type: Word.Type, _ number: (Word) -> Float) -> Bool {
        let size = MemoryLayout<Word>.size
        func put(_ index: Int, _ place: Int) {
          let word = bytes.loadUnaligned(fromByteOffset: place &* size, as: Word.self)
          target[index] = number(Word(littleEndian: word))
        }
        // Neighbours in a loop of their own, which is compiled to wider reads.
        if stride == 1 {
          for index in 0..<count { put(index, first &+ index) }
        } else {
          for index in 0..<count { put(index, first &+ index &* stride) }
        }
        return true
      }
      switch dtype {
      case "F64": return fill(UInt64.self) { Float(Double(bitPattern: $0)) }
      case "F32": return fill(UInt32.self) { Float(bitPattern: $0) }
      case "BF16": return fill(UInt16.self) { Float(bitPattern: UInt32($0) << 16) }
      case "F16": return fill(UInt16.self, Self.half)
      case "F8_E4M3":
        return Self.eightBitFloats.withUnsafeBufferPointer { numbers in
          fill(UInt8.self) { numbers[Int($0)] }
        }
      default: return false
      }
    }
  }

  /// A number of five exponent and ten mantissa bits.
  static func half(_ pattern: UInt16) -> Float {
    let magnitude = UInt32(pattern & 0x7FFF) << 13
    // The exponent of f32 is counted from 112 less.
    let number =
      magnitude < 0x0F80_0000
      ? Float(bitPattern: magnitude) * 0x1p112 : Float(bitPattern: magnitude | 0x7F80_0000)
    return pattern >> 15 == 0 ? number : -number
  }

  /// The numbers of four exponent and three mantissa bits, without infinities, by their bits.
  static let eightBitFloats: [Float] = (0...255).map { pattern in
    let sign: Float = pattern >> 7 == 0 ? 1 : -1
    let (exponent, mantissa) = (pattern >> 3 & 15, Float(pattern & 7))
    if exponent == 15, mantissa == 7 { return .nan }
    let scale = Float(sign: .plus, exponent: max(exponent, 1) - 10, significand: 1)
    return sign * (mantissa + (exponent == 0 ? 0 : 8)) * scale
  }
}
