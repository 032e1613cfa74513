import Foundation
public import Reporting
import Synchronization

extension QuantizationJob {
  /// Quantizes the checkpoint on a thread of its own, and says what happens as it happens.
  ///
  /// ```swift
  /// for try await event in job.events() {
  ///   if case .blockFinished(let block) = event { print(block.name, block.gain) }
  /// }
  /// ```
  ///
  /// The last event of a run that succeeds is ``RunEvent/finished(_:)``. Where the task that reads the events is
  /// cancelled, or the sequence is let go, the run stops after the current step; what it has finished is kept, as
  /// with ``RunInterruption``.
  public func events() -> AsyncThrowingStream<RunEvent, any Error> {
    AsyncThrowingStream { continuation in
      let observer = StreamObserver { continuation.yield($0) }
      continuation.onTermination = { _ in observer.stop() }
      let thread = Thread {
        do {
          try run(observer: observer)
          continuation.finish()
        } catch {
          continuation.finish(throwing: error)
        }
      }
      // As much as the main thread has.
      thread.stackSize = 8 << 20
      thread.start()
    }
  }
}

/// Hands events on until it is told to stop.
private final class StreamObserver: RunObserver, Sendable {
  private let hand: @Sendable (RunEvent) -> Void
  private let isStopped = Atomic(false)

  init(hand: @escaping @Sendable (RunEvent) -> Void) { self.hand = hand }

  func observe(_ event: RunEvent) { hand(event) }

  func stop() { isStopped.store(true, ordering: .relaxed) }

  var wantsStop: Bool { isStopped.load(ordering: .relaxed) }
}
