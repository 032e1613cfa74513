/// A list of byte strings in one block of memory.
struct ByteStrings: Sendable {
  var bytes: [UInt8] = []
  private var ends: [Int] = []

  var count: Int { ends.count }

  /// Where string number `index` is in ``bytes``.
  func range(_ index: Int) -> Range<Int> {
    (index == 0 ? 0 : ends[index - 1])..<ends[index]
  }

  /// String number `index`.
  subscript(_ index: Int) -> ArraySlice<UInt8> {
    bytes[range(index)]
  }

  /// Makes the bytes that were appended to ``bytes`` since the last string a string of their own.
  mutating func endString() {
    ends.append(bytes.count)
  }

  mutating func append(_ string: some Sequence<UInt8>) {
    bytes.append(contentsOf: string)
    endString()
  }

  mutating func removeAll() {
    bytes.removeAll(keepingCapacity: true)
    ends.removeAll(keepingCapacity: true)
  }
}
