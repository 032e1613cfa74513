import Foundation

extension FileHandle {
  /// Writes bytes as `write(2)` does, but lets no SIGPIPE end the process where a pipe's reader is gone: that
  /// is `EPIPE` alone, also in programs that do not ignore the signal.
  ///
  /// - Returns: How many bytes were taken, or -1 with `errno` set.
  func writeWithoutSignal(_ bytes: some DataProtocol & ContiguousBytes) -> Int {
    var (pipe, pending, before) = (sigset_t(), sigset_t(), sigset_t())
    sigemptyset(&pipe)
    sigaddset(&pipe, SIGPIPE)
    sigpending(&pending)
    pthread_sigmask(SIG_BLOCK, &pipe, &before)
    let count = bytes.withUnsafeBytes {
      Foundation.write(fileDescriptor, $0.baseAddress, $0.count)
    }
    let code = errno
    if count < 0, code == EPIPE, sigismember(&pending, SIGPIPE) == 0 {
      // The signal is this thread's own; taken here, it is gone.
      var number: CInt = 0
      sigpending(&pending)
      if sigismember(&pending, SIGPIPE) == 1 { sigwait(&pipe, &number) }
    }
    pthread_sigmask(SIG_SETMASK, &before, nil)
    errno = code
    return count
  }
}
