package import Diagnostics
import Foundation

extension TensorStorage {
  /// The bytes of a file, mapped read-only: they are read from disk when they are first used, and
  /// do not count as memory that the system has to keep.
  ///
  /// The file must not be shortened while it is mapped.
  ///
  /// - Throws: `InputError` of code `unreadable`, naming the file, if it is missing, is no regular
  ///   file or cannot be mapped.
  package convenience init(mappingFileAt path: String) throws(InputError) {
    let (descriptor, size) = try openFile(path)
    defer { close(descriptor) }
    guard size > 0 else {
      self.init(zeroed: 0)
      return
    }
    guard
      let base = mmap(nil, size, PROT_READ, MAP_PRIVATE, descriptor, 0),
      base != MAP_FAILED
    else {
      throw InputError(
        .unreadable, source: path, "cannot be mapped: \(systemMessage(errno))")
    }
    self.init(readOnly: base, byteCount: size, isMapped: true) { base, byteCount in
      MappedFiles.remove(base)
      munmap(base, byteCount)
    }
    MappedFiles.add(base, size, path: path)
  }

  /// Calls `body` with the bytes in `range`.
  package func withBytes<Result>(
    in range: Range<Int>, _ body: (UnsafeRawBufferPointer) throws -> Result
  ) rethrows -> Result {
    precondition(range.lowerBound >= 0 && range.upperBound <= byteCount)
    return try withExtendedLifetime(self) {
      try body(UnsafeRawBufferPointer(start: base + range.lowerBound, count: range.count))
    }
  }

  /// A copy of the bytes in `range`.
  package func bytes(in range: Range<Int>) -> [UInt8] { withBytes(in: range) { Array($0) } }
}
