/// Makes the units of a run, in order.
protocol UnitSource {
  /// The unit of a number, which is the one after that of the call before.
  func unit(_ index: Int, progress: UnitProgress) throws -> TuningUnit
  /// What the next unit reads besides weights; nil where units read nothing else.
  var streams: HiddenStates? { get }
}
