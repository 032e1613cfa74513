import Foundation

/// Files that are mapped into memory count as memory of the process while their pages are there.
enum MappedPages {
  /// Gives the whole pages of some bytes of a mapped file back; they are read again where they are
  /// needed again.
  static func drop(_ bytes: UnsafeRawBufferPointer) {
    guard let base = bytes.baseAddress else { return }
    let page = UInt(getpagesize())
    let start = (UInt(bitPattern: base) + page - 1) / page * page
    let end = (UInt(bitPattern: base) + UInt(bytes.count)) / page * page
    guard end > start, let pointer = UnsafeMutableRawPointer(bitPattern: start) else { return }
    // Nothing is lost where the system does not follow the advice.
    madvise(pointer, Int(end - start), MADV_DONTNEED)
  }
}
