import Foundation

/// Memory for many numbers.
///
/// Where the system has none left, the process ends with a sentence and exit code 1: there is no way on from
/// there, and the runtime of the language would end it with a trap.
package enum Memory {
  /// Memory with undefined contents, aligned to a cache line; `deallocate()` gives it back.
  package static func allocate(byteCount: Int) -> UnsafeMutableRawPointer {
    var memory: UnsafeMutableRawPointer?
    guard posix_memalign(&memory, TensorStorage.alignment, max(byteCount, 1)) == 0, let memory
    else { exhausted(byteCount) }
    return memory
  }

  /// Memory for elements, which have yet to be initialized.
  package static func allocate<Element: BitwiseCopyable>(
    capacity: Int
  ) -> UnsafeMutablePointer<Element> {
    allocate(byteCount: capacity * MemoryLayout<Element>.stride)
      .bindMemory(to: Element.self, capacity: capacity)
  }

  /// How a process ends that has said so. Replaced before other threads run, if at all.
  nonisolated(unsafe) package static var end: @Sendable () -> Never = { _exit(1) }

  /// Ends the process for want of memory.
  ///
  /// - Parameter byteCount: Bytes that were asked for.
  package static func exhausted(_ byteCount: Int = 0) -> Never {
    // Nothing here takes memory.
    say("\nerror: out of memory: the system has no ")
    if byteCount > 0 { say(byteCount) }
    say("more; finished blocks are kept, and the same command goes on after them\n")
    end()
  }

  private static func say(_ text: StaticString) {
    _ = write(STDERR_FILENO, text.utf8Start, text.utf8CodeUnitCount)
  }

  private static func say(_ byteCount: Int) {
    withUnsafeTemporaryAllocation(of: UInt8.self, capacity: 20) { digits in
      var (first, rest) = (digits.count, byteCount)
      repeat {
        first -= 1
        digits[first] = UInt8(ascii: "0") + UInt8(rest % 10)
        rest /= 10
      } while rest > 0
      _ = write(STDERR_FILENO, digits.baseAddress! + first, digits.count - first)
    }
    say(" bytes ")
  }
}
