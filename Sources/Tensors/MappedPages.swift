import Foundation

/// Pages of mapped files, which count as memory of the process while they are mapped in.
package enum MappedPages {
  private static let byteCount = Int(sysconf(Int32(_SC_PAGESIZE)))

  /// Lets go of the pages that hold the bytes `range` after `base`, the first byte of a mapping.
  ///
  /// Their contents stay: in the file, or on their way there. A page that is used again comes back,
  /// so this may be called at any time for a file mapping, and must not be for other memory.
  package static func release(_ base: UnsafeMutableRawPointer, _ range: Range<Int>) {
    guard !range.isEmpty else { return }
    let start = range.lowerBound / byteCount * byteCount
    // Advice: where the system does not take it, pages stay until they are needed elsewhere.
    madvise(base + start, range.upperBound - start, MADV_DONTNEED)
  }
}
