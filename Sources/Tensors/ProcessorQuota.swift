import Foundation

/// How much time of the processors the control groups of this process leave it.
package enum ProcessorQuota {
  /// Threads that can run all the time, rounded up; nil if no group sets a limit. More threads use up the
  /// quota sooner, and then all of them stand still together.
  package static var threadCount: Int? {
    ControlGroups.limiting("cpu").compactMap { group in
      group.isUnified
        ? group.text("cpu.max").flatMap(threadCount(maximum:))
        : group.text("cpu.cfs_quota_us").flatMap { quota in
          group.text("cpu.cfs_period_us").flatMap { threadCount(maximum: "\(quota) \($0)") }
        }
    }.min()
  }

  /// The same from the text of `cpu.max`: microseconds of a quota and of its period. `max` and `-1` are no
  /// limit.
  package static func threadCount(maximum: String) -> Int? {
    let words = maximum.split(whereSeparator: \.isWhitespace)
    guard words.count == 2, let quota = Double(words[0]), let period = Double(words[1]),
      quota > 0, period > 0, quota / period < 1e6
    else { return nil }
    return Int((quota / period).rounded(.up))
  }
}
