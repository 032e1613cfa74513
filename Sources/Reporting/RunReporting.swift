/// What a run writes about itself beside the checkpoint, and how much it measures for that.
public struct RunReporting: Sendable {
  /// The command that began the run, word for word; empty where there was none.
  public var commandLine: [String] = []
  /// What the hub calls the source; nil: what its files and its folder's name say.
  public var baseModel: String?
  /// Tokens of the calibration source, after those that are calibrated on, to compare the result's
  /// predictions with the source's on, and with those of plain rounding; 0 for no comparison. Never more than
  /// an eighth of what is calibrated on, unless that is less than 2,000 tokens. A model-free run, which does not
  /// run the model, measures nothing.
  public var heldOutTokenCount = 8192

  /// What a run does unless told otherwise.
  public init() {}
}
