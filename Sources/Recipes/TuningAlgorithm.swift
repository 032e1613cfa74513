/// How the rounding of weights is tuned.
public enum TuningAlgorithm: String, Sendable, CaseIterable {
  /// Signed gradient descent from rounding to nearest.
  case signRound = "signround"
  /// The same from scales that were searched for the least error weighted by the inputs, with ranges up to
  /// twice theirs; below 4 bits the largest differences of the output are left out of the loss. For
  /// symmetric integers, MXFP and NVFP4 in groups or rows; other weights are tuned as by ``signRound``.
  case signRoundV2 = "signround-v2"
}
