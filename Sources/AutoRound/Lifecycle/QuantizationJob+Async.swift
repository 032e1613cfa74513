import Foundation
public import Reporting
import Synchronization

extension QuantizationJob {
  /// Quantizes the checkpoint on a thread of its own, while the task that asks for it waits without holding one up.
  ///
  /// ```swift
  /// let report = try await job.run { event in
  ///   if case .blockFinished(let block) = event { print(block.name, block.gain) }
  /// }
  /// ```
  ///
  /// Where the task is cancelled, the run stops after the current step, and this throws ``RunInterruption`` when it has
  /// stopped. What is finished is kept, and the same job goes on after it.
  ///
  /// - Parameter onEvent: Told what happens while it happens, on the run's thread, which waits for it.
  /// - Returns: As ``run(observer:)`` does.
  /// - Throws: As ``run(observer:)`` does.
  @discardableResult
  public func run(onEvent: @escaping @Sendable (RunEvent) -> Void) async throws -> RunReport {
    let observer = TaskObserver(onEvent)
    return try await withTaskCancellationHandler {
      try await withCheckedThrowingContinuation { continuation in
        let thread = Thread {
          continuation.resume(with: Result { try run(observer: observer) })
        }
        // As much as the main thread has.
        thread.stackSize = 8 << 20
        thread.start()
      }
    } onCancel: {
      observer.stop()
    }
  }
}

/// Hands events on, and ends the run when it is told to.
private final class TaskObserver: RunObserver, Sendable {
  private let onEvent: @Sendable (RunEvent) -> Void
  private let isStopped = Atomic(false)

  init(_ onEvent: @escaping @Sendable (RunEvent) -> Void) { self.onEvent = onEvent }

  func observe(_ event: RunEvent) { onEvent(event) }

  func stop() { isStopped.store(true, ordering: .relaxed) }

  var wantsStop: Bool { isStopped.load(ordering: .relaxed) }
}
