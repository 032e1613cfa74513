import Foundation

/// The bytes under one or more tensors: memory of their own, or a file mapped read-only.
///
/// `@unchecked Sendable`: a mapped region is never written; an owned region is written only
/// through ``Tensor/withUnsafeMutableBytes(_:)``, which first makes sure that one tensor alone
/// refers to it.
public final class TensorStorage: @unchecked Sendable {
  package let base: UnsafeMutableRawPointer
  package let byteCount: Int
  package let isWritable: Bool
  /// Whether the bytes are those of a file, which the system can read again at any time.
  package let isMapped: Bool
  private let release: (UnsafeMutableRawPointer, Int) -> Void

  /// Alignment of owned memory in bytes: a cache line, and the widest vector register.
  package static let alignment = 64

  /// Zeroed memory of its own.
  package convenience init(zeroed byteCount: Int) {
    self.init(uninitialized: byteCount)
    memset(base, 0, byteCount)
  }

  /// Memory of its own, every byte of which has yet to be written.
  package init(uninitialized byteCount: Int) {
    precondition(byteCount >= 0)
    base = Memory.allocate(byteCount: byteCount)
    self.byteCount = byteCount
    isWritable = true
    isMapped = false
    release = { pointer, _ in pointer.deallocate() }
  }

  /// Memory that somebody else made; `release` gives it back with its address and size.
  package init(
    readOnly base: UnsafeRawPointer, byteCount: Int, isMapped: Bool = false,
    release: @escaping (UnsafeMutableRawPointer, Int) -> Void
  ) {
    self.base = UnsafeMutableRawPointer(mutating: base)
    self.byteCount = byteCount
    isWritable = false
    self.isMapped = isMapped
    self.release = release
  }

  deinit { release(base, byteCount) }

  /// Gives the memory of pages that lie in `range` back to the system, which reads them from the
  /// file again if they are used. Does nothing for memory that is no mapped file.
  package func releasePages(in range: Range<Int>) {
    precondition(range.lowerBound >= 0 && range.upperBound <= byteCount)
    guard isMapped else { return }
    MappedPages.release(base, range)
  }

  /// Gives the memory of all pages of a mapped file back to the system.
  package func releasePages() { releasePages(in: 0..<byteCount) }
}
