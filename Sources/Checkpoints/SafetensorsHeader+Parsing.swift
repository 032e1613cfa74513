package import Diagnostics
import JSONText
import Tensors

extension SafetensorsHeader {
  /// Reads the JSON of a header and checks that its tensors fill the rest of the file exactly.
  ///
  /// - Parameters:
  ///   - json: The header without the eight bytes before it.
  ///   - dataByteCount: Bytes of the file after the header.
  /// - Throws: `InputError` of code `malformed`, or `unsupported` for an unknown element type, with
  ///   the tensor's name as its place. It does not name the file.
  package init(json: [UInt8], dataByteCount: Int) throws(InputError) {
    guard json.first == UInt8(ascii: "{") else {
      throw InputError(.malformed, place: "header", "does not begin with '{'")
    }
    var scanner = JSONScanner(json)
    (metadata, entries) = ([:], [])
    do throws(InputError) {
      try readMembers(&scanner)
      try scanner.finish()
    } catch {
      throw error.after("header")
    }
    entries.sort { a, b in
      (a.offsets.lowerBound, a.offsets.upperBound) < (b.offsets.lowerBound, b.offsets.upperBound)
    }
    try checkCoverage(dataByteCount)
  }

  private mutating func readMembers(_ scanner: inout JSONScanner) throws(InputError) {
    var key: [UInt8] = []
    var names: Set<String> = []
    try scanner.beginObject()
    while try scanner.nextKey(into: &key) {
      let name = String(decoding: key, as: UTF8.self)
      // Swift's comparison takes canonically equivalent names for one, and so would every lookup.
      guard names.insert(name).inserted else {
        throw scanner.failure("\(quoted(name)) occurs twice")
      }
      if name == Self.metadataKey {
        try readMetadata(&scanner)
        continue
      }
      do throws(InputError) {
        entries.append(try Self.readEntry(name, &scanner))
      } catch {
        throw error.after(place(ofTensor: name))
      }
    }
  }

  private mutating func readMetadata(_ scanner: inout JSONScanner) throws(InputError) {
    var key: [UInt8] = []
    try scanner.beginObject()
    while try scanner.nextKey(into: &key) {
      let name = String(decoding: key, as: UTF8.self)
      guard metadata.updateValue(try scanner.readString(), forKey: name) == nil else {
        throw scanner.failure("\(quoted(name)) occurs twice in \(Self.metadataKey)")
      }
    }
  }

  /// Reads one tensor's `{"dtype", "shape", "data_offsets"}`; other members are left aside, as the
  /// reference implementation does.
  private static func readEntry(
    _ name: String, _ scanner: inout JSONScanner
  ) throws(InputError) -> Entry {
    var key: [UInt8] = []
    var (tag, shape, offsets): (String?, [Int]?, [Int]?)
    try scanner.beginObject()
    while try scanner.nextKey(into: &key) {
      let isRepeated: Bool
      switch String(decoding: key, as: UTF8.self) {
      case "dtype": (isRepeated, tag) = (tag != nil, try scanner.readString())
      case "shape": (isRepeated, shape) = (shape != nil, try readSizes(&scanner))
      case "data_offsets": (isRepeated, offsets) = (offsets != nil, try readSizes(&scanner))
      default:
        isRepeated = false
        try scanner.skipValue()
      }
      if isRepeated {
        throw scanner.failure("'\(String(decoding: key, as: UTF8.self))' is repeated")
      }
    }
    guard let tag else { throw scanner.failure("has no 'dtype'") }
    guard let shape else { throw scanner.failure("has no 'shape'") }
    guard let offsets else { throw scanner.failure("has no 'data_offsets'") }
    guard let dtype = DType(safetensorsTag: tag) else {
      throw InputError(.unsupported, "its type \(quoted(tag)) is not one that can be read")
    }
    guard offsets.count == 2, offsets[0] <= offsets[1] else {
      throw scanner.failure("'data_offsets' are not a begin and an end that follows it")
    }
    guard let byteCount = dtype.byteCount(ofShape: shape) else {
      throw scanner.failure("its shape \(abbreviated(shape)) has too many elements")
    }
    guard offsets[1] - offsets[0] == byteCount else {
      throw scanner.failure(
        "'data_offsets' span \(offsets[1] - offsets[0]) bytes, but \(tag) elements of shape "
          + "\(abbreviated(shape)) take \(byteCount)")
    }
    return Entry(
      info: TensorInfo(name: name, dtype: dtype, shape: shape), offsets: offsets[0]..<offsets[1])
  }

  /// Reads an array of sizes.
  private static func readSizes(_ scanner: inout JSONScanner) throws(InputError) -> [Int] {
    var sizes: [Int] = []
    try scanner.beginArray()
    while try scanner.nextElement() {
      let text = String(decoding: try scanner.readNumber(), as: UTF8.self)
      guard !text.hasPrefix("-"), let size = Int(text) else {
        throw scanner.failure("\(quoted(text)) is not an integer from 0 to 2^63 - 1")
      }
      sizes.append(size)
    }
    return sizes
  }

  private static func abbreviated(_ shape: [Int]) -> String {
    shape.count <= 8 ? "\(shape)" : "\(shape.prefix(8)) and \(shape.count - 8) more"
  }

  /// Checks that every byte of the data belongs to exactly one tensor.
  private func checkCoverage(_ dataByteCount: Int) throws(InputError) {
    var end = 0
    for (index, entry) in entries.enumerated() {
      let begin = entry.offsets.lowerBound
      if begin < end {
        throw InputError(
          .malformed, place: place(ofTensor: entry.info.name),
          "its data at byte \(begin) overlaps that of "
            + "\(quoted(entries[index - 1].info.name)), which ends at \(end)")
      }
      if begin > end {
        throw InputError(
          .malformed, place: place(ofTensor: entry.info.name),
          "its data begins at byte \(begin), but bytes \(end) to \(begin) belong to no tensor")
      }
      end = entry.offsets.upperBound
      if end > dataByteCount {
        throw InputError(
          .malformed, place: place(ofTensor: entry.info.name),
          "its data ends at byte \(end), after the end of the file's data at \(dataByteCount); "
            + "the file may have been cut off")
      }
    }
    if end < dataByteCount {
      throw InputError(
        .malformed, place: "byte \(end) of the data",
        "\(dataByteCount - end) bytes at the end of the file belong to no tensor")
    }
  }
}

extension InputError {
  /// The same error with its place inside a larger one.
  fileprivate func after(_ outer: String) -> InputError {
    var copy = self
    copy.place = [outer, place].compactMap { $0 }.joined(separator: ", ")
    return copy
  }
}
