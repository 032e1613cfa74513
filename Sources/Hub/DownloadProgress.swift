import Diagnostics
import Synchronization

/// How far the download of a model is.
public struct DownloadProgress: Sendable, Equatable {
  /// The model's name.
  public var model: String
  /// Files that are wanted, as far as that is known: which files have the weights comes later.
  public var fileCount: Int
  /// Files that are there.
  public var finishedFileCount: Int
  /// Bytes of the files that are wanted.
  public var byteCount: Int
  /// Bytes of them that are there.
  public var finishedByteCount: Int
  /// Seconds that the rest will take at the speed so far; nil while nothing is known about that.
  public var secondsLeft: Double?

  /// `downloading Qwen/Qwen3-0.6B  35 %  0.53 of 1.50 GB  12 s left`.
  public var text: String {
    let share = byteCount > 0 ? Double(finishedByteCount) / Double(byteCount) : 1
    var parts = [
      "downloading \(model)", "\(Int(share * 100)) %",
      "\(Quantities.bytes(finishedByteCount)) of \(Quantities.bytes(byteCount))",
    ]
    if let secondsLeft { parts.append("\(Quantities.duration(seconds: secondsLeft)) left") }
    return parts.joined(separator: "  ")
  }
}

/// Adds up what comes of several files at once, and tells of it ten times a second at the most.
final class ProgressCounter: Sendable {
  private struct State {
    var progress: DownloadProgress
    /// Bytes that came from the network, of which the speed is known.
    var receivedByteCount = 0
    var lastTold: ContinuousClock.Instant?
  }

  private let state: Mutex<State>
  private let start = ContinuousClock.now
  private let onProgress: (@Sendable (DownloadProgress) -> Void)?

  init(model: String, _ onProgress: (@Sendable (DownloadProgress) -> Void)?) {
    self.onProgress = onProgress
    state = Mutex(
      State(
        progress: DownloadProgress(
          model: model, fileCount: 0, finishedFileCount: 0, byteCount: 0, finishedByteCount: 0)))
  }

  /// Files that are wanted as well.
  func add(_ files: [RemoteFile]) {
    change { state in
      state.progress.fileCount += files.count
      for file in files { state.progress.byteCount += file.byteCount }
    }
  }

  /// Bytes that are there already; fewer than none where some have to come again.
  func have(_ count: Int) { change { $0.progress.finishedByteCount += count } }

  /// Bytes that came.
  func receive(_ count: Int) {
    change {
      $0.progress.finishedByteCount += count
      $0.receivedByteCount += count
    }
  }

  func finishFile() { change(isNews: true) { $0.progress.finishedFileCount += 1 } }

  private func change(isNews: Bool = false, _ body: (inout State) -> Void) {
    state.withLock { state in
      body(&state)
      let now = ContinuousClock.now
      if !isNews, let last = state.lastTold, now - last < .milliseconds(100) { return }
      state.lastTold = now
      let seconds = (now - start) / .seconds(1)
      let rate = Double(state.receivedByteCount) / max(seconds, 1e-3)
      let left = state.progress.byteCount - state.progress.finishedByteCount
      state.progress.secondsLeft = seconds >= 1 && rate > 0 ? Double(left) / rate : nil
      // Within the lock, or what is older could be told last.
      onProgress?(state.progress)
    }
  }
}
