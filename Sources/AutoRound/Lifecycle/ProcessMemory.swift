#if canImport(Glibc)
  import Glibc
#else
  import Darwin
#endif

/// What the operating system says of this process's memory.
enum ProcessMemory {
  /// The largest resident memory so far, in bytes.
  static var peakByteCount: Int {
    var usage = rusage()
    #if canImport(Glibc)
      getrusage(__rusage_who_t(RUSAGE_SELF.rawValue), &usage)
      return Int(usage.ru_maxrss) * 1024
    #else
      getrusage(RUSAGE_SELF, &usage)
      return Int(usage.ru_maxrss)
    #endif
  }
}
