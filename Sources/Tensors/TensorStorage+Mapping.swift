package import Diagnostics

#if canImport(Glibc)
  import Glibc
#else
  import Darwin
#endif

extension TensorStorage {
  /// The bytes of a file, mapped read-only: they are read from disk when they are first used, and
  /// do not count as memory that the system has to keep.
  ///
  /// The file must not be shortened while it is mapped.
  ///
  /// - Throws: `InputError` of code `unreadable`, naming the file, if it is missing, is no regular
  ///   file or cannot be mapped.
  package convenience init(mappingFileAt path: String) throws(InputError) {
    func failure(_ message: String) -> InputError {
      InputError(.unreadable, source: path, message)
    }
    // Without O_NONBLOCK, opening a named pipe would wait for a writer.
    let descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
    guard descriptor >= 0 else { throw failure("cannot be opened: \(systemMessage(errno))") }
    defer { close(descriptor) }
    guard let status = FileStatus(descriptor: descriptor) else {
      throw failure("cannot be examined: \(systemMessage(errno))")
    }
    guard status.isRegularFile else {
      throw failure(status.isFolder ? "is a folder, expected a file" : "is not a regular file")
    }
    guard status.byteCount > 0 else {
      self.init(zeroed: 0)
      return
    }
    guard
      let base = mmap(nil, status.byteCount, PROT_READ, MAP_PRIVATE, descriptor, 0),
      base != MAP_FAILED
    else { throw failure("cannot be mapped: \(systemMessage(errno))") }
    self.init(readOnly: base, byteCount: status.byteCount, isMapped: true) { base, byteCount in
      MappedFiles.remove(base)
      munmap(base, byteCount)
    }
    MappedFiles.add(base, status.byteCount, path: path)
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
