import AutoRound
import Diagnostics
import Foundation

/// Lets SIGINT, SIGTERM and SIGHUP end a run in good order; a second one ends the process at once.
///
/// SIGHUP tells that the terminal is gone. It often comes twice, so that a second one changes nothing; and
/// whoever started the process with it ignored, as `nohup` does, wants the run to go on.
enum Interruption {
  // A handler may do little more than write to memory that is there already.
  nonisolated(unsafe) private static let received: UnsafeMutablePointer<sig_atomic_t> = {
    let pointer = UnsafeMutablePointer<sig_atomic_t>.allocate(capacity: 1)
    pointer.initialize(to: 0)
    return pointer
  }()

  /// The number of the signal that came; nil if none did.
  static var signal: Int32? {
    let number = received.pointee
    return number == 0 ? nil : Int32(number)
  }

  /// Takes note of signals from now on.
  static func watch() {
    received.pointee = 0
    var signals = sigset_t()
    sigemptyset(&signals)
    for number in [SIGINT, SIGTERM, SIGHUP] {
      sigaddset(&signals, number)
      var action = sigaction()
      if number == SIGHUP, isIgnored(number) { continue }
      #if canImport(Glibc)
        action.__sigaction_handler.sa_handler = { Interruption.received.pointee = sig_atomic_t($0) }
      #else
        action.__sigaction_u.__sa_handler = { Interruption.received.pointee = sig_atomic_t($0) }
      #endif
      let once = number == SIGHUP ? 0 : Int32(bitPattern: UInt32(SA_RESETHAND))
      action.sa_flags = Int32(SA_RESTART) | once
      sigaction(number, &action, nil)
    }
    // Whoever reads what a run tells may go away: that is no reason to lose the run. Writing then fails.
    FileSignals.ignoreClosedPipes()
    // Whoever started the process may have blocked them.
    pthread_sigmask(SIG_UNBLOCK, &signals, nil)
  }

  private static func isIgnored(_ number: Int32) -> Bool {
    var action = sigaction()
    sigaction(number, nil, &action)
    // Handlers are compared as addresses: SIG_IGN is no function.
    #if canImport(Glibc)
      let handler = action.__sigaction_handler.sa_handler
    #else
      let handler = action.__sigaction_u.__sa_handler
    #endif
    return unsafeBitCast(handler, to: Int.self) == unsafeBitCast(SIG_IGN, to: Int.self)
  }
}

/// Hands each event to several observers, and stops the run when a signal comes.
final class ObserverList: RunObserver {
  private let observers: [any RunObserver]

  init(_ observers: [any RunObserver]) { self.observers = observers }

  func observe(_ event: RunEvent) {
    for observer in observers { observer.observe(event) }
    for log in observers.compactMap({ $0 as? RunLog }) {
      guard let loss = log.takeLoss() else { continue }
      for observer in observers { observer.observe(.warning(loss.description)) }
    }
  }

  var wantsStop: Bool { Interruption.signal != nil || observers.contains { $0.wantsStop } }
}
