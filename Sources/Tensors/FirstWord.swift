extension UnsafeRawBufferPointer {
  /// The index of the first word of the bytes that matches; nil if none does.
  ///
  /// Blocks of words are searched without an early end, so that several are looked at at a time.
  @inlinable @inline(__always)
  package func firstWord<Word: FixedWidthInteger>(_ type: Word.Type, where matches: (Word) -> Bool)
    -> Int?
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
}
