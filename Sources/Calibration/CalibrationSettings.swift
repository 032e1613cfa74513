/// What becomes of records that are shorter than a sample.
public enum ShortSamples: String, CaseIterable, Sendable {
  /// They follow on one another until a sample is full.
  case join
  /// Each is a sample, filled up with padding that counts nowhere.
  case pad
  /// They are left out.
  case drop
}

/// Which tokens count where outputs are compared.
public enum LossMask: String, CaseIterable, Sendable {
  /// Every token.
  case all
  /// What the model says in conversations. Records that are none count as a whole.
  case answers
}

/// How samples are made of calibration data.
public struct CalibrationSettings: Sendable, Equatable {
  /// What becomes of records that are shorter than a sample.
  public var shortSamples = ShortSamples.join
  /// Which tokens count where outputs are compared.
  public var lossMask = LossMask.all
  /// The key of records that has the text or the messages; nil: the usual ones.
  public var textColumn: String?
  /// The seed by which records, or windows of a text, are shuffled; nil: as they come.
  public var shuffleSeed: UInt64?

  /// Settings with the usual values.
  public init() {}
}
