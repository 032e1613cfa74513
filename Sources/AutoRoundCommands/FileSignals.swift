import Foundation
import Tensors

/// Turns the signals by which the system tells of trouble with files into errors in words.
///
/// - SIGBUS: bytes of a mapped file are gone, because it was shortened while it was being read, or its disk
///   has failed. There is no way on from there; the process ends with an error that names the file.
/// - SIGXFSZ: a file would exceed the limit on its size. Ignored, so that writing fails like any other.
enum FileSignals {
  static func watch() {
    signal(SIGXFSZ, SIG_IGN)
    MappedFiles.prepare()
    var action = sigaction()
    #if canImport(Glibc)
      action.__sigaction_handler.sa_sigaction = { _, information, _ in
        FileSignals.end(at: information?.pointee._sifields._sigfault.si_addr)
      }
    #else
      action.__sigaction_u.__sa_sigaction = { _, information, _ in
        FileSignals.end(at: information?.pointee.si_addr)
      }
    #endif
    action.sa_flags = Int32(SA_SIGINFO) | Int32(bitPattern: UInt32(SA_RESETHAND))
    sigaction(SIGBUS, &action, nil)
  }

  static func ignoreClosedPipes() { signal(SIGPIPE, SIG_IGN) }

  /// Writes the error and ends the process, with nothing but calls that a handler may make.
  private static func end(at address: UnsafeMutableRawPointer?) {
    func say(_ text: StaticString) {
      _ = write(STDERR_FILENO, text.utf8Start, text.utf8CodeUnitCount)
    }
    say("\nerror: ")
    if let path = MappedFiles.path(at: address) {
      _ = write(STDERR_FILENO, path, strlen(path))
    } else {
      say("a file")
    }
    say(
      ": bytes of it are gone: it was shortened while it was being read, or its disk has failed\n")
    _exit(1)
  }
}
