import AutoRound

/// Stops a run after its first block.
final class Stopper: RunObserver {
  var wantsStop = false
  func observe(_ event: RunEvent) {
    if case .blockFinished = event { wantsStop = true }
  }
}
