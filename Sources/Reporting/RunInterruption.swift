public import Foundation

/// A run stopped because its observer asked for it; see ``RunObserver/wantsStop``.
public struct RunInterruption: Error, Sendable, Equatable {
  /// Blocks that are finished and on the disk; a run with the same arguments goes on after them.
  public var finishedBlocks: Int
  /// Blocks of the model.
  public var blockCount: Int

  package init(finishedBlocks: Int, blockCount: Int) {
    self.finishedBlocks = finishedBlocks
    self.blockCount = blockCount
  }
}

extension RunInterruption: CustomStringConvertible, LocalizedError {
  /// How far the run came, and what the next one with the same arguments does.
  public var description: String {
    summary
      + (finishedBlocks > 0
        ? "; a run with the same arguments goes on after them" : "; nothing is left behind")
  }

  /// What `localizedDescription` gives: the same as ``description``.
  public var errorDescription: String? { description }

  /// How far the run came.
  package var summary: String {
    finishedBlocks > 0
      ? "interrupted after \(finishedBlocks) of \(blockCount) blocks"
      : "interrupted before the first block was done"
  }
}
