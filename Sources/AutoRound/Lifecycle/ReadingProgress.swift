import Reporting

/// Tells an observer of the reading of a source that takes more than two seconds, and lets it end the run.
final class ReadingProgress {
  private let observer: (any RunObserver)?
  private let checkStop: () throws -> Void
  private let started = ContinuousClock.now
  private var told: ContinuousClock.Instant?

  init(_ observer: (any RunObserver)?, checkStop: @escaping () throws -> Void) {
    (self.observer, self.checkStop) = (observer, checkStop)
  }

  /// Takes note of the share that is read, from 0 to 1.
  func note(_ share: Double) throws {
    try checkStop()
    let now = ContinuousClock.now
    guard now - started > .seconds(2), told.map({ now - $0 > .milliseconds(500) }) ?? true else {
      return
    }
    told = now
    observer?.observe(.readingSource(share: share))
  }
}
