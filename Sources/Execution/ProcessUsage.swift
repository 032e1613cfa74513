#if canImport(Glibc)
  import Glibc
#else
  import Darwin
#endif

/// What this process has used of the machine, as the operating system counts it.
package enum ProcessUsage {
  static var now: rusage {
    var usage = rusage()
    #if canImport(Glibc)
      getrusage(__rusage_who_t(RUSAGE_SELF.rawValue), &usage)
    #else
      getrusage(RUSAGE_SELF, &usage)
    #endif
    return usage
  }

  /// Seconds of the processors that all threads have used so far.
  package static var processorSeconds: Double {
    let usage = now
    return seconds(usage.ru_utime) + seconds(usage.ru_stime)
  }

  private static func seconds(_ time: timeval) -> Double {
    Double(time.tv_sec) + Double(time.tv_usec) * 1e-6
  }
}
