import Diagnostics
public import Foundation

/// Shows the progress of a run on standard error, or on another file: one refreshed line on a
/// terminal, occasional plain lines elsewhere.
public final class ProgressPrinter: RunObserver {
  private var text: ProgressText
  private let file: FileHandle
  private let isLive: Bool
  private let start = ContinuousClock.now
  private var hasStatus = false
  private var lastRefresh: Double?

  /// - Parameters:
  ///   - file: Where to write.
  ///   - environment: `NO_COLOR` and `TERM` decide about colours; `COLUMNS` gives the width where
  ///     the terminal does not.
  public init(
    file: FileHandle = .standardError,
    environment: [String: String] = ProcessInfo.processInfo.environment
  ) {
    let isTerminal = isatty(file.fileDescriptor) == 1
    isLive = isTerminal && environment["TERM"] != "dumb"
    self.file = file
    text = ProgressText(
      isLive: isLive,
      styling: Styling(isTerminal: isTerminal, environment: environment),
      width: Self.width(of: file.fileDescriptor) ?? environment["COLUMNS"].flatMap { Int($0) } ?? 80
    )
  }

  /// Shows an event.
  public func observe(_ event: RunEvent) {
    let time = (ContinuousClock.now - start) / .seconds(1)
    if case .iteration(_, let iteration, let count, _) = event, iteration < count,
      let lastRefresh, time - lastRefresh < 0.1
    {
      return  // ten refreshes a second are enough to read
    }
    lastRefresh = time
    for output in text.text(for: event, at: time) { write(output) }
    switch event {
    case .finished, .tried: clear()
    default: break
    }
  }

  /// Shows a line that the next one replaces, cut to the terminal; elsewhere, where that cannot be done, nothing, or a
  /// plain line each so many seconds.
  package func show(status: String, plainlyEvery seconds: Double? = nil) {
    let time = (ContinuousClock.now - start) / .seconds(1)
    if isLive {
      write(text.refreshed(status))
    } else if let seconds, time - (lastRefresh ?? 0) >= seconds {
      lastRefresh = time
      write(.line(status))
    }
  }

  private func write(_ output: ProgressText.Output) {
    switch output {
    case .line(let line):
      clear()
      put(line + "\n")
    case .status(let line):
      put("\r\u{1B}[2K" + line)
      hasStatus = true
    }
  }

  /// Takes the refreshed line away, before something else is written to the terminal.
  public func clear() {
    guard hasStatus else { return }
    put("\r\u{1B}[2K")
    hasStatus = false
  }

  /// Progress that cannot be shown is no reason to stop a run: a closed pipe is ignored.
  private func put(_ text: String) {
    try? file.write(contentsOf: Data(text.utf8))
  }

  /// The columns of the terminal that a file is; nil if it is none.
  package static func width(of descriptor: Int32) -> Int? {
    var size = winsize()
    guard ioctl(descriptor, UInt(TIOCGWINSZ), &size) == 0, size.ws_col > 0 else { return nil }
    return Int(size.ws_col)
  }
}
