import Checkpoints
import Diagnostics
import Reporting

/// Makes the results of a run's units, one after the other, and tells an observer of them.
struct UnitWork {
  let modifier: any Modifier
  let units: any UnitSource
  let names: [String]
  let source: Checkpoint
  let warnings: WarningLog
  let observer: (any RunObserver)?

  /// - Parameters:
  ///   - index: The unit's number, the one after that of the call before.
  ///   - checkStop: Throws if the run is to stop.
  func result(of index: Int, checkStop: @escaping () throws -> Void) throws -> UnitResult {
    try checkStop()
    observer?.observe(.blockStarted(index: index, count: names.count, name: names[index]))
    let progress = UnitProgress(observe: { observer?.observe($0) }, checkStop: checkStop)
    let unit = try units.unit(index, progress: progress)
    let result = try naming(unit.name) {
      unit.layers.isEmpty ? unit.passed() : try modifier.sequentialEpochEnd(unit)
    }
    for warning in result.warnings { warnings.warn(warning) }
    // The weights were read where they lie in their files; this unit's are not needed again.
    source.releasePages()
    return result
  }
}
