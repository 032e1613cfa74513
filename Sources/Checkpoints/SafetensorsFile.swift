public import Diagnostics
public import Foundation
public import Tensors

/// One safetensors file, mapped read-only.
///
/// Opening reads the header alone and checks it against the file's size, so that no tensor can
/// reach outside its bytes; elements are read from disk when they are used.
public struct SafetensorsFile: Sendable {
  /// One tensor with its place in the file.
  public struct Entry: Sendable, Equatable {
    /// Name, type and shape.
    public let info: TensorInfo
    /// The tensor's bytes, counted from the file's start.
    public let byteRange: Range<Int>

    /// The tensor's name.
    public var name: String { info.name }
    /// The type of every element.
    public var dtype: DType { info.dtype }
    /// Extent of each dimension, outermost first.
    public var shape: [Int] { info.shape }
  }

  /// Where the file is.
  public let url: URL
  /// Free text about the file, by key; for most files `["format": "pt"]`.
  public let metadata: [String: String]
  /// The tensors in the order of their bytes.
  public let entries: [Entry]

  private let storage: TensorStorage
  private let status: FileStatus?
  private let positions: [String: Int]

  /// Opens a file and checks its header.
  ///
  /// - Throws: `InputError` naming the file and, where one is to blame, the tensor: `unreadable`,
  ///   `malformed`, or `unsupported` for element types that ``DType`` does not have.
  public init(opening url: URL) throws(InputError) {
    status = FileStatus(path: url.path)
    storage = try TensorStorage(mappingFileAt: url.path)
    do throws(InputError) {
      let (header, dataStart) = try Self.readHeader(storage)
      metadata = header.metadata
      entries = header.entries.map { entry in
        Entry(
          info: entry.info,
          byteRange: entry.offsets.lowerBound + dataStart..<entry.offsets.upperBound + dataStart)
      }
    } catch {
      throw error.inSource(url.path)
    }
    positions = Dictionary(uniqueKeysWithValues: entries.enumerated().map { ($1.name, $0) })
    self.url = url
  }

  /// The tensor with this name, or nil.
  public func entry(_ name: String) -> Entry? { positions[name].map { entries[$0] } }

  /// The tensor with this name, as a view of the file.
  ///
  /// Files written with an unaligned header hold tensors at odd addresses; those are copied.
  ///
  /// - Throws: `InputError` of code `missing` if the file has no such tensor.
  public func tensor(_ name: String) throws(InputError) -> Tensor {
    guard let entry = entry(name) else {
      throw InputError(
        .missing, source: url.path, place: place(ofTensor: name), "is not in this file")
    }
    if entry.byteRange.lowerBound % entry.dtype.byteCount == 0 {
      return Tensor(
        dtype: entry.dtype, shape: entry.shape, storage: storage,
        byteOffset: entry.byteRange.lowerBound)
    }
    return Tensor(
      bytes: storage.bytes(in: entry.byteRange), shape: entry.shape, dtype: entry.dtype)
  }

  /// Gives the memory of what was read from the file back to the system.
  package func releasePages() { storage.releasePages() }

  /// Whether the file has been written to, or is another one, since it was opened.
  var isChanged: Bool { FileStatus(path: url.path) != status }

  /// Bytes of the whole file.
  package var byteCount: Int { storage.byteCount }

  /// A copy of the bytes in `range`, counted from the file's start.
  package func bytes(in range: Range<Int>) -> [UInt8] { storage.bytes(in: range) }

  /// Hands over the bytes in `range` piece by piece, with their place in it; they do not stay in memory.
  ///
  /// - Parameter body: Returns whether to go on.
  func read(_ range: Range<Int>, _ body: (Int, UnsafeRawBufferPointer) -> Bool) {
    let pieceByteCount = 8 << 20
    for first in stride(from: range.lowerBound, to: range.upperBound, by: pieceByteCount) {
      let piece = first..<min(first + pieceByteCount, range.upperBound)
      defer { storage.releasePages(in: piece) }
      let bytes = UnsafeRawBufferPointer(start: storage.base + first, count: piece.count)
      guard body(first - range.lowerBound, bytes) else { return }
    }
  }

  private static func readHeader(
    _ storage: TensorStorage
  ) throws(InputError) -> (SafetensorsHeader, dataStart: Int) {
    guard storage.byteCount >= 8 else {
      throw InputError(
        .malformed,
        "has \(storage.byteCount) bytes; a safetensors file begins with 8 bytes that give the size "
          + "of its header")
    }
    let pointerMark = Array("version https://git-lfs".utf8)
    if storage.byteCount < 1024, storage.bytes(in: 0..<storage.byteCount).starts(with: pointerMark)
    {
      throw InputError(
        .malformed, "is a Git LFS pointer, not the file itself; fetch it with 'git lfs pull'")
    }
    let declared = UInt64(littleEndian: storage.base.loadUnaligned(as: UInt64.self))
    guard declared <= SafetensorsHeader.byteCountLimit else {
      throw InputError(
        .malformed, place: "header",
        "a size of \(declared) bytes; no more than \(SafetensorsHeader.byteCountLimit) are allowed")
    }
    let dataStart = 8 + Int(declared)
    guard dataStart <= storage.byteCount else {
      throw InputError(
        .malformed, place: "header",
        "ends at byte \(dataStart), after the file's end at \(storage.byteCount); the file may have "
          + "been cut off")
    }
    let header = try SafetensorsHeader(
      json: storage.bytes(in: 8..<dataStart), dataByteCount: storage.byteCount - dataStart)
    return (header, dataStart)
  }
}
