import Foundation
import Tensors

/// How much memory a process may still take, as the operating system says.
package enum SystemMemory {
  /// Bytes that can be used without swapping and without exceeding the limits of a control group or of the
  /// process (`ulimit -v`); nil where the system does not say.
  package static var availableByteCount: Int? {
    let system = text("/proc/meminfo").flatMap(available(meminfo:))
    return ([system, addressSpace] + groups).compactMap { $0 }.min()
  }

  /// Gives memory that was freed back to the system, where the C library keeps it between what is in use.
  package static func releaseFreed() {
    #if canImport(Glibc)
      // The library has it, and its module for Swift has not.
      guard let symbol = dlsym(nil, "malloc_trim") else { return }
      _ = unsafeBitCast(symbol, to: (@convention(c) (Int) -> CInt).self)(0)
    #endif
  }

  /// What the limit on the process's addresses leaves.
  private static var addressSpace: Int? {
    var limit = rlimit()
    #if canImport(Glibc)
      let resource = __rlimit_resource_t(RLIMIT_AS.rawValue)
    #else
      let resource = RLIMIT_AS
    #endif
    guard getrlimit(resource, &limit) == 0, limit.rlim_cur < 1 << 60 else { return nil }
    let used = ProcessMemory.statistics.first ?? 0
    return max(0, Int(limit.rlim_cur) - used - addressesWithoutMemory)
  }

  /// Addresses that are taken without memory behind them: allocators' arenas, stacks, generated code.
  private static let addressesWithoutMemory = 128 << 20

  /// `MemAvailable` of `/proc/meminfo`.
  package static func available(meminfo: String) -> Int? {
    for line in meminfo.split(separator: "\n") where line.hasPrefix("MemAvailable:") {
      guard let number = line.split(separator: " ").dropFirst().first.flatMap({ Int($0) }) else {
        return nil
      }
      let (byteCount, overflows) = number.multipliedReportingOverflow(by: 1024)
      return overflows ? nil : byteCount
    }
    return nil
  }

  /// What a control group leaves: its limit less its use, not counting files that the system keeps in
  /// memory and can drop.
  ///
  /// - Parameters:
  ///   - limit: `memory.max`, or `memory.limit_in_bytes`; `max` is none.
  ///   - statistics: `memory.stat`.
  package static func available(limit: String, usage: String, statistics: String) -> Int? {
    func number(_ text: some StringProtocol) -> Int? {
      Int(text.trimmingCharacters(in: .whitespacesAndNewlines))
    }
    // The first version writes a limit of nearly 2^63 for none.
    guard let limit = number(limit), limit < 1 << 60, let usage = number(usage) else { return nil }
    var droppable = 0
    for line in statistics.split(separator: "\n") {
      let words = line.split(separator: " ")
      if words.count == 2, ["inactive_file", "active_file"].contains(words[0]) {
        droppable += min(max(number(words[1]) ?? 0, 0), 1 << 60)
      }
    }
    return max(0, limit - max(0, usage - droppable))
  }

  /// What each of the process's control groups leaves, from its own up to the root.
  private static var groups: [Int?] {
    ControlGroups.limiting("memory").map { group in
      let names =
        group.isUnified
        ? ("memory.max", "memory.current") : ("memory.limit_in_bytes", "memory.usage_in_bytes")
      guard let limit = group.text(names.0), let usage = group.text(names.1) else { return nil }
      return available(
        limit: limit, usage: usage, statistics: group.text("memory.stat") ?? "")
    }
  }

  static func text(_ path: String) -> String? {
    try? String(contentsOfFile: path, encoding: .utf8)
  }
}
