import Diagnostics

extension GGUFHeader {
  /// The fewest bytes of a key with a value: its size, a letter, a type, a byte.
  private static let leastKeyByteCount = 8 + 1 + 4 + 1
  /// The fewest bytes of a tensor: its name's size, a letter, dimensions, one extent, a type, an offset.
  private static let leastTensorByteCount = 8 + 1 + 4 + 8 + 4 + 8

  /// Reads the header of a file, and checks that its tensors fill the rest of it exactly.
  ///
  /// - Parameter bytes: The whole file.
  /// - Returns: The header, and where the data begin.
  /// - Throws: `InputError` with the key, tensor or byte at fault as place.
  static func parse(
    _ bytes: UnsafeRawBufferPointer
  ) throws(InputError) -> (header: GGUFHeader, dataStart: Int) {
    var reader = GGUFReader(bytes)
    try checkVersion(&reader)
    let tensorCount = try reader.count(leastTensorByteCount, "the number of tensors")
    let keyCount = try reader.count(leastKeyByteCount, "the number of keys")
    let metadata = try readMetadata(keyCount, &reader)
    let alignment = try alignment(of: metadata)
    var entries: [Entry] = []
    entries.reserveCapacity(tensorCount)
    var names: Set<String> = []
    var end = 0
    for index in 0..<tensorCount {
      let (info, offset) = try readTensor(index, &reader)
      func failure(_ message: String) -> InputError {
        InputError(.malformed, place: "tensor \(quoted(info.name))", message)
      }
      let byteCount = try info.checkedByteCount()
      guard names.insert(info.name).inserted else { throw failure("is in the file twice") }
      guard offset % UInt64(alignment) == 0 else {
        throw failure("its offset \(offset) is not a multiple of the alignment \(alignment)")
      }
      guard offset == end else {
        throw failure(
          "its offset is \(offset), expected \(end), where what is before it ends")
      }
      let (sum, overflows) = end.addingReportingOverflow(byteCount)
      guard !overflows, let next = aligned(sum, alignment) else {
        throw failure("it ends after byte 2^63")
      }
      entries.append(Entry(info: info, offsets: end..<sum))
      end = next
    }
    let header = GGUFHeader(metadata: metadata, entries: entries, alignment: alignment)
    return (header, try checkSize(header, headerEnd: reader.offset, bytes.count))
  }

  private static func checkVersion(_ reader: inout GGUFReader) throws(InputError) {
    guard reader.remaining >= 4, reader.bytes.prefix(4).elementsEqual(magic) else {
      let pointerMark = Array("version https://git-lfs".utf8)
      throw InputError(
        .malformed, place: "byte 0",
        reader.bytes.starts(with: pointerMark)
          ? "is a Git LFS pointer, not the file itself; fetch it with 'git lfs pull'"
          : "a GGUF file begins with the letters GGUF")
    }
    _ = try reader.number("the first letters", as: UInt32.self)
    let version = try reader.number("the version", as: UInt32.self)
    switch version {
    case 2, Self.version: return
    case _ where version != 0 && version & 0xFFFF == 0:
      throw InputError(
        .unsupported, place: "byte 4",
        "is a big-endian file (version \(version.byteSwapped)); only little-endian files are read")
    default:
      throw InputError(
        .unsupported, place: "byte 4", "is of version \(version); versions 2 and 3 are read")
    }
  }

  private static func readMetadata(
    _ count: Int, _ reader: inout GGUFReader
  ) throws(InputError) -> GGUFMetadata {
    var metadata = GGUFMetadata()
    for index in 0..<count {
      let key = try reader.string("the name of key \(index)")
      try check(key: key)
      guard !metadata.contains(key) else {
        throw InputError(.malformed, place: "key \(quoted(key))", "is in the file twice")
      }
      do throws(InputError) {
        metadata.append(key, try reader.value())
      } catch {
        throw error.inside("key \(quoted(key))")
      }
    }
    return metadata
  }

  private static func readTensor(
    _ index: Int, _ reader: inout GGUFReader
  ) throws(InputError) -> (GGUFTensorInfo, offset: UInt64) {
    let name = try reader.string("the name of tensor \(index)")
    let place = "tensor \(quoted(name))"
    do throws(InputError) {
      let dimensions = try reader.number("the number of dimensions", as: UInt32.self)
      guard 1...GGUFTensorInfo.dimensionLimit ~= Int(dimensions) else {
        throw InputError(
          .malformed,
          "has \(dimensions) dimensions, expected 1 to \(GGUFTensorInfo.dimensionLimit)")
      }
      var shape: [Int] = []
      for _ in 0..<dimensions {
        let extent = try reader.number("an extent", as: UInt64.self)
        guard let size = Int(exactly: extent), size > 0 else {
          throw InputError(.malformed, "an extent is \(extent), expected 1 to 2^63 - 1")
        }
        shape.insert(size, at: 0)
      }
      let raw = try reader.number("the type of elements", as: UInt32.self)
      guard let type = GGUFTensorType(rawValue: raw) else {
        throw InputError(
          .unsupported,
          "its type is \(raw) (\(GGUFTensorType.name(ofType: raw) ?? "unknown")), which is not read"
        )
      }
      let offset = try reader.number("the offset", as: UInt64.self)
      return (GGUFTensorInfo(name: name, type: type, shape: shape), offset)
    } catch {
      throw error.inside(place)
    }
  }

  /// Checks that the file is as long as its tensors need, and returns where the data begin.
  private static func checkSize(
    _ header: GGUFHeader, headerEnd: Int, _ byteCount: Int
  ) throws(InputError) -> Int {
    guard let last = header.entries.last else {
      // Some writers end such a file without the zeros.
      let start = aligned(headerEnd, header.alignment) ?? .max
      guard byteCount == headerEnd || byteCount == start else {
        throw InputError(
          .malformed, place: "byte \(headerEnd)",
          "\(byteCount - headerEnd) bytes follow the header, but there are no tensors")
      }
      return byteCount
    }
    let place = "tensor \(quoted(last.info.name))"
    guard let start = aligned(headerEnd, header.alignment), start <= byteCount,
      last.offsets.upperBound <= byteCount - start
    else {
      throw InputError(
        .malformed, place: place,
        "ends after the file's end at \(byteCount); the file may have been cut off")
    }
    let end = start + last.offsets.upperBound
    guard let paddedEnd = aligned(end, header.alignment), byteCount <= paddedEnd else {
      throw InputError(
        .malformed, place: "byte \(end)",
        "\(byteCount - end) bytes at the end of the file belong to no tensor")
    }
    return start
  }
}

extension InputError {
  /// The same error with its place inside a larger one.
  fileprivate func inside(_ outer: String) -> InputError {
    var copy = self
    copy.place = [outer, place].compactMap { $0 }.joined(separator: ", ")
    return copy
  }
}
