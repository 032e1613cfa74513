/// A run stopped because its observer asked for it; see ``RunObserver/wantsStop``.
public struct RunInterruption: Error, Sendable, Equatable {
  /// Blocks that are finished and on the disk; a run with the same arguments goes on after them.
  public var finishedBlocks: Int
  /// Blocks of the model.
  public var blockCount: Int
}

extension SessionState {
  /// - Throws: ``RunInterruption`` if the observer wants the run to stop.
  func checkStop() throws {
    guard observer?.wantsStop == true else { return }
    throw RunInterruption(
      finishedBlocks: journal?.finished.count ?? 0, blockCount: stepCount)
  }
}
