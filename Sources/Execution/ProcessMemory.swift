#if canImport(Glibc)
  import Glibc
#else
  import Darwin
#endif

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
  package static var currentByteCount: Int {
    guard let file = fopen("/proc/self/statm", "r") else { return 0 }
    defer { fclose(file) }
    var text = [CChar](repeating: 0, count: 128)
    guard fgets(&text, CInt(text.count), file) != nil else { return 0 }
    let words = String(
      decoding: text.prefix { $0 != 0 }.map(UInt8.init(bitPattern:)), as: UTF8.self
    )
    .split(separator: " ")
    guard words.count > 1, let pages = Int(words[1]) else { return 0 }
    return pages * Int(sysconf(Int32(_SC_PAGESIZE)))
  }
}
