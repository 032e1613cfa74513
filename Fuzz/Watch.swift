import Foundation
import Tensors

/// Ends the process when an input crashes it, takes more than a second of processor time or a gigabyte, or
/// waits for ever, and
/// leaves the input in a file.
enum Watch {
  // A handler may do little more than look at memory and write it.
  nonisolated(unsafe) private static var input: UnsafeMutablePointer<UInt8> = .allocate(
    capacity: 1 << 24)
  nonisolated(unsafe) private static var count = 0
  nonisolated(unsafe) private static var path: UnsafeMutablePointer<CChar> = .allocate(
    capacity: 4096)
  private static let capacity = 1 << 24

  /// Watches from now on; `file` is where an input goes that does not pass.
  static func begin(writing file: String) {
    _ = file.withCString { strncpy(path, $0, 4095) }
    // What overflows the stack needs another one for its handler.
    var stack = stack_t()
    stack.ss_sp = UnsafeMutableRawPointer.allocate(byteCount: 1 << 16, alignment: 16)
    stack.ss_size = 1 << 16
    sigaltstack(&stack, nil)
    for number in [SIGILL, SIGTRAP, SIGABRT, SIGSEGV, SIGBUS, SIGFPE, SIGPROF, SIGALRM] {
      var action = sigaction()
      action.__sigaction_handler.sa_handler = { Watch.end($0) }
      action.sa_flags = Int32(SA_ONSTACK) | Int32(bitPattern: UInt32(SA_RESETHAND))
      sigaction(number, &action, nil)
    }
    Memory.end = { abort() }
    var limit = rlimit(rlim_cur: 1 << 30, rlim_max: 1 << 30)
    setrlimit(__rlimit_resource_t(RLIMIT_DATA.rawValue), &limit)
  }

  /// An input is about to be tried.
  static func enter(_ bytes: [UInt8]) {
    count = min(bytes.count, capacity)
    bytes.withUnsafeBufferPointer {
      if let base = $0.baseAddress { input.update(from: base, count: count) }
    }
    arm(seconds: 1)
  }

  /// It has passed.
  static func leave() { arm(seconds: 0) }

  private static func arm(seconds: Int) {
    var timer = itimerval(
      it_interval: timeval(), it_value: timeval(tv_sec: seconds, tv_usec: 0))
    setitimer(__itimer_which_t(ITIMER_PROF.rawValue), &timer, nil)
    // What sleeps takes no processor time. A busy machine may let a good input wait for many seconds.
    alarm(seconds > 0 ? 60 : 0)
  }

  private static func end(_ signal: Int32) {
    let file = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0o644)
    if file >= 0 { _ = write(file, input, count) }
    func say(_ text: StaticString) { _ = write(2, text.utf8Start, text.utf8CodeUnitCount) }
    switch signal {
    case SIGPROF: say("\nHANG: more than a second for ")
    case SIGALRM: say("\nHANG: waits for ever on ")
    default: say("\nCRASH: ")
    }
    _ = write(2, path, strlen(path))
    say("\n")
    _exit(1)
  }
}
