/// What happens during a run, in the order in which it happens.
public enum RunEvent: Sendable {
  /// The model and the calibration samples are loaded; tuning is about to begin.
  case started(RunDescription)
  /// All numbers of the source are being read once before anything else is done; `share` of them are, from 0
  /// to 1. Told only where that takes more than two seconds, and before `started`.
  case readingSource(share: Double)
  /// An earlier run was cut off after these blocks, and this one goes on after them. Comes after
  /// `started`.
  case resumed([BlockReport])
  /// Work on a block begins. `index` counts from 0 to `count - 1`.
  case blockStarted(index: Int, count: Int, name: String)
  /// Tuning of a portion of a block begins, where memory does not suffice to tune the whole block at once. `index` counts
  /// from 0 to `count - 1`; `name` says which layers it has. Iterations are then counted in each portion.
  case portionStarted(index: Int, count: Int, name: String)
  /// One step of tuning is done: `iteration` counts from 1 to `of`, `loss` is that of the step.
  case iteration(block: Int, iteration: Int, of: Int, loss: Double)
  /// A block is tuned and on disk.
  case blockFinished(BlockReport)
  /// All tensors are written; the files are being read again.
  case verifying
  /// The predictions are being compared with the source's; `share` of it is done, from 0 to 1.
  case measuring(share: Double)
  /// Something that the user should know and that does not stop the run.
  case warning(String)
  /// The output is complete and in its place.
  case finished(RunReport)
  /// A trial on the first blocks is over; nothing is written.
  case tried(TrialReport)
  /// The run ends without a result; `finished` of `count` blocks are kept in `folder`, and a run
  /// with the same arguments goes on after them.
  case kept(finished: Int, count: Int, folder: String)
}

/// Receives the events of a run, one after another, on the thread that runs it.
///
/// Tuning waits while ``observe(_:)`` runs, so it should return quickly.
public protocol RunObserver: AnyObject {
  /// Takes note of one event.
  func observe(_ event: RunEvent)
  /// Whether the run is to stop; asked at each step of tuning. It then ends with a
  /// ``RunInterruption``. False unless implemented.
  var wantsStop: Bool { get }
}

extension RunObserver {
  /// Never.
  public var wantsStop: Bool { false }
}
