import Foundation
import Synchronization

/// Which file is mapped where, so that a handler of SIGBUS can say which one it was that lost its bytes.
package enum MappedFiles {
  private struct Entry {
    var base: UnsafeRawPointer?
    var byteCount: Int
    /// Never freed: a handler may be reading it.
    var path: UnsafeMutablePointer<CChar>?
  }

  private static let capacity = 4096
  /// Plain memory, because a handler may take no lock. Written under ``lock``, an entry's base last.
  nonisolated(unsafe) private static let entries: UnsafeMutablePointer<Entry> = {
    let entries = UnsafeMutablePointer<Entry>.allocate(capacity: capacity)
    entries.initialize(repeating: Entry(base: nil, byteCount: 0, path: nil), count: capacity)
    return entries
  }()
  private static let lock = Mutex(())

  /// Notes a mapping. Beyond 4096 at a time they are not noted.
  package static func add(_ base: UnsafeRawPointer, _ byteCount: Int, path: String) {
    lock.withLock { _ in
      guard let free = (0..<capacity).first(where: { entries[$0].base == nil }) else { return }
      if entries[free].path.map({ String(cString: $0) }) != path {
        entries[free].path = strdup(path)
      }
      entries[free].byteCount = byteCount
      entries[free].base = base
    }
  }

  /// Forgets a mapping.
  package static func remove(_ base: UnsafeRawPointer) {
    lock.withLock { _ in
      guard let index = (0..<capacity).first(where: { entries[$0].base == base }) else { return }
      entries[index].base = nil
    }
  }

  /// The path of the file that is mapped at an address; nil if there is none. Takes no lock and no memory.
  package static func path(at address: UnsafeRawPointer?) -> UnsafePointer<CChar>? {
    guard let address else { return nil }
    for index in 0..<capacity {
      let entry = entries[index]
      if let base = entry.base, address >= base, address < base + entry.byteCount {
        return UnsafePointer(entry.path)
      }
    }
    return nil
  }

  /// Makes the first use of the table now rather than in a handler.
  package static func prepare() { _ = entries }
}
