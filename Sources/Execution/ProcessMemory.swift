import Foundation

/// What the operating system says of this process's memory.
package enum ProcessMemory {
  /// The largest resident memory so far, in bytes.
  package static var peakByteCount: Int {
    #if canImport(Glibc)
      return Int(ProcessUsage.now.ru_maxrss) * 1024
    #else
      return Int(ProcessUsage.now.ru_maxrss)
    #endif
  }

  /// The resident memory now, in bytes; 0 where the system does not say.
  package static var currentByteCount: Int { statistics.count > 1 ? statistics[1] : 0 }

  /// Bytes of addresses, of resident memory and of parts of it, as `/proc/self/statm` has them in pages.
  static var statistics: [Int] {
    let text = SystemMemory.text("/proc/self/statm")
    let pageByteCount = Int(sysconf(Int32(_SC_PAGESIZE)))
    return (text ?? "").split(separator: " ").compactMap { Int($0) }.map { $0 * pageByteCount }
  }
}
