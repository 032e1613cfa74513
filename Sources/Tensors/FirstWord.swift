extension UnsafeRawBufferPointer {
  /// The index of the first word of the bytes that matches; nil if none does.
  ///
  /// Blocks of words are searched without an early end, so that several are looked at at a time.
  @inline(__always)
  package func firstWord<Word: FixedWidthInteger>(_ type: Word.Type, where matches: (Word) -> Bool) -> Int?
  {
    func word(_ index: Int) -> Word {
      Word(
        littleEndian: loadUnaligned(fromByteOffset: index &* MemoryLayout<Word>.size, as: Word.self)
      )
    }
    let count = count / MemoryLayout<Word>.size
    for block in stride(from: 0, to: count, by: 1024) {
      let indices = block..<Swift.min(block + 1024, count)
      var found: UInt8 = 0
      for index in indices { found |= matches(word(index)) ? 1 : 0 }
      if found != 0 { return indices.first { matches(word($0)) } }
    }
    return nil
  }

  /// The index of the first element that is infinite or NaN; nil if there is none, or the type has none.
  package func firstNonFinite(_ dtype: DType) -> Int? {
    // All bits of the exponent are set.
    switch dtype {
    case .float64:
      firstWord(UInt64.self) { $0 & 0x7FF0_0000_0000_0000 == 0x7FF0_0000_0000_0000 }
    case .float32: firstWord(UInt32.self) { $0 & 0x7F80_0000 == 0x7F80_0000 }
    case .bfloat16: firstWord(UInt16.self) { $0 & 0x7F80 == 0x7F80 }
    case .float16: firstWord(UInt16.self) { $0 & 0x7C00 == 0x7C00 }
    default: nil
    }
  }
}
