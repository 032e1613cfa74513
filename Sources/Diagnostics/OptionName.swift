import Synchronization

/// An option as messages name it: a property of the library's types, or a flag where the command line speaks.
package struct OptionName: Sendable, CustomStringConvertible {
  /// The name of the property.
  package let property: String
  /// What the user of the program types; the property where there is no flag.
  package let flag: String
  /// The flag that sets a truth value to false; nil where nobody has to say so.
  package let oppositeFlag: String?
  package var hasFlag: Bool { flag != property }

  package init(_ property: String, _ flag: String? = nil, opposite: String? = nil) {
    self.property = property
    self.flag = flag ?? property
    oppositeFlag = opposite
  }

  package static let batchSize = OptionName("batchSize", "--batch-size")
  package static let calibratesAllExperts = OptionName(
    "calibratesAllExperts", "--calibrate-all-experts")
  package static let chatTemplate = OptionName("chatTemplate", "--chat-template")
  package static let compute = OptionName("compute", "--compute")
  package static let disablesOptimizedRounding = OptionName(
    "disablesOptimizedRounding", "--disable-opt-rtn")
  package static let expertTokenLimit = OptionName(
    "expertTokenLimit", "--minimum-expert-tokens")
  package static let format = OptionName("format", "--format")
  package static let requantize = OptionName("requantizes", "--requantize")
  package static let shardByteCountLimit = OptionName("shardByteCountLimit", "--max-shard-size")
  package static let gradientAccumulation = OptionName(
    "gradientAccumulation", "--gradient-accumulate-steps")
  package static let groupSize = OptionName("groupSize", "--group-size")
  package static let isSymmetric = OptionName("isSymmetric", "--sym", opposite: "--asym")
  package static let weightBitCount = OptionName("weightBitCount", "--bits")
  package static let head = OptionName("head", "--lm-head")
  package static let layers = OptionName("blockCount", "--layers")
  package static let ignoresLimits = OptionName("ignoresLimits", "--ignore-limits")
  package static let iterations = OptionName("iterations", "--iterations")
  package static let learningRate = OptionName("learningRate", "--learning-rate")
  package static let lossMask = OptionName("lossMask", "--loss-mask")
  package static let memoryBudget = OptionName("memoryBudget", "--memory-budget")
  package static let noChatTemplate = OptionName("chatTemplate: .none", "--no-chat-template")
  package static let preset = OptionName("preset", "--preset")
  package static let prompt = OptionName("prompt", "--prompt")
  package static let restart = OptionName("restart", "--restart")
  package static let sampleCount = OptionName("sampleCount", "--samples")
  package static let sequenceLength = OptionName("sequenceLength", "--sequence-length")
  package static let shortSamples = OptionName("shortSamples", "--short")

  private static let areFlags = Atomic(false)

  /// Lets messages of this process name flags from now on.
  package static func nameFlags() { areFlags.store(true, ordering: .relaxed) }

  package var description: String {
    Self.areFlags.load(ordering: .relaxed) ? flag : property
  }

  /// The option with a value: `iterations: 0`, or `--iterations 0`.
  package func with(_ value: some CustomStringConvertible) -> String {
    Self.areFlags.load(ordering: .relaxed) ? "\(flag) \(value)" : "\(property): \(value)"
  }

  /// The option set to a truth value: `isSymmetric: false`, or `--asym`.
  package func set(to value: Bool) -> String {
    guard Self.areFlags.load(ordering: .relaxed), let oppositeFlag else { return with(value) }
    return value ? flag : oppositeFlag
  }
}
