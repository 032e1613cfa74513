/// A choice between time and quality, made in one word. What a preset says is a default: flags and
/// the recipe go before it. All but ``fastest`` are what LLM Compressor's documentation of AutoRound means by these words.
public enum TuningPreset: String, Sendable, CaseIterable {
  /// 200 iterations on 128 samples of 2048 tokens: for nearly every model the place to start.
  case `default`
  /// 1000 iterations on 512 samples: about five times the time of the default, worth it at 2 bits.
  case best
  /// 50 iterations with a learning rate of 0.005: about a quarter of the time, close in quality at
  /// 4 bits.
  case light
  /// 200 iterations in batches of 4, on 128 samples of 512 tokens: about an eighth of the time.
  case fast
  /// 200 iterations in batches of 2, on 128 samples of 512 tokens: about a sixteenth of the time, for
  /// trying things out and for small machines. Small batches cost less than few iterations do
  /// (docs/PERFORMANCE.md).
  case fastest

  /// Steps of tuning per block.
  public var iterations: Int {
    switch self {
    case .default, .fast, .fastest: 200
    case .best: 1000
    case .light: 50
    }
  }

  /// The learning rate of the first step.
  public var learningRate: LearningRate {
    self == .light ? .fixed(0.005) : .automatic
  }

  /// Samples of a step.
  public var batchSize: Int {
    switch self {
    case .default, .best, .light: 8
    case .fast: 4
    case .fastest: 2
    }
  }

  /// Calibration samples.
  public var sampleCount: Int {
    self == .best ? 512 : 128
  }

  /// Tokens per calibration sample.
  public var sequenceLength: Int {
    self == .fast || self == .fastest ? 512 : 2048
  }
}
