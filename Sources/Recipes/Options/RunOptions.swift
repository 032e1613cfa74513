public import Calibration
import Diagnostics
public import Recordings

/// The options of a run, each declared once: property, flag, key of a recipe, values, default, and help.
///
/// ``AutoRoundOptions``, ``OptionOverrides`` and ``ResolvedOptions`` have every one of them as a property.
public struct RunOptions: Sendable {
  package static let table = RunOptions()
  /// All of them, in the order in which recipes, journals and `--help` have them.
  package static let declared: [any DeclaredOption] =
    Mirror(reflecting: table).children.compactMap { $0.value as? any DeclaredOption }

  /// Accept layers whose width is not a multiple of the group size.
  public let bypassesDivisibilityChecks = RunOption(
    OptionName("bypassesDivisibilityChecks"), key: RecipeKey("bypass_divisibility_checks"),
    in: .any, default: { _ in false }, help: OptionHelp("Accept layers that groups do not divide."))

  /// Bits of integer weights, which names a scheme together with ``isSymmetric`` and ``groupSize``; nil: as the scheme
  /// has them.
  public let weightBitCount = RunOption<Int, Int?>(
    .weightBitCount, in: .from(2...8),
    help: OptionHelp(
      "Bits of integer weights, instead of --scheme.",
      "--bits 3 --group-size 64 --asym is the scheme W3A16G64_ASYM.", default: "4"))

  /// Whether integer weights have no zero points; nil: as the scheme has it.
  public let isSymmetric = RunOption<Bool, Bool?>(
    .isSymmetric, in: .any,
    help: OptionHelp(
      "Integers without zero points, which is the default.", opposite: "Integers with zero points.")
  )

  /// Weights that share a scale, for all integer weights that are in groups, -1 for whole rows; nil: as the scheme has it.
  public let groupSize = RunOption<Int, Int?>(
    .groupSize, in: .groupSizes,
    help: OptionHelp(
      "Weights that share a scale, for integer weights in groups; -1: a whole row.",
      """
      vLLM needs groups that divide the inputs of a layer; 64 or 32 do for most models for which 128 does \
      not.
      """, default: "128"))

  /// Calibration samples.
  public let sampleCount = RunOption(
    .sampleCount, in: .from(1...1_000_000), default: \.sampleCount,
    help: OptionHelp("Calibration samples."))

  /// Tokens per calibration sample.
  public let sequenceLength = RunOption(
    .sequenceLength, in: .from(1...1_048_576), default: \.sequenceLength,
    help: OptionHelp("Tokens per sample."))

  /// What becomes of calibration records that are shorter than a sample.
  public let shortSamples = RunOption(
    .shortSamples, key: RecipeKey("short_samples", omitsDefault: true), in: .words,
    default: { _ in ShortSamples.join },
    help: OptionHelp(
      "What becomes of calibration records shorter than a sample.",
      """
      join lets them follow on one another, with the token that ends a text between texts, until a sample is \
      full. pad makes each a sample by itself, whose padding counts in nothing. drop leaves them out.
      """))

  /// Which tokens count where outputs are compared.
  public let lossMask = RunOption(
    .lossMask, key: RecipeKey("loss_mask", omitsDefault: true), in: .words,
    default: { _ in LossMask.all },
    help: OptionHelp(
      "Tokens that count in the losses of tuning.",
      """
      answers takes what the model says, as its chat template marks it. All tokens run, and are calibrated on; \
      records that are no conversation count as a whole.
      """))

  /// The key of calibration records that has the text or the messages; nil: the usual ones.
  public let textColumn = RunOption<String, String?>(
    OptionName("textColumn", "--text-column"),
    key: RecipeKey("text_column"), in: .name,
    help: OptionHelp(
      "Key of calibration records that has the text, or a list of messages.",
      "Without it: text, input_ids, messages and others that --calibration lists."))

  /// Whether calibration records, or windows of a text, are shuffled by the seed.
  public let shufflesSamples = RunOption(
    OptionName("shufflesSamples", "--shuffle"),
    key: RecipeKey("shuffle_calibration_samples", omitsDefault: true), in: .any,
    default: { _ in false },
    help: OptionHelp(
      "Take calibration records in an order that --seed decides, not that of the file."))

  /// Steps of tuning per block; 0 rounds without tuning.
  public let iterations = RunOption(
    .iterations, key: RecipeKey("iters"), in: .from(0...1_000_000), default: \.iterations,
    fingerprint: "iterations",
    help: OptionHelp(
      "Steps of tuning per block; 0 only rounds.",
      """
      With 0, the scales that lose least are searched for: of symmetric integers, of asymmetric ones of 2 \
      bits, of MXFP and NVFP4. Others are rounded plainly to nearest.
      """))

  /// The learning rate of the first step.
  public let learningRate = RunOption<Double, LearningRate>(
    name: .learningRate, range: .positive,
    help: OptionHelp("Learning rate of the first step.", default: "1/iterations"),
    fingerprint: "learning rate", key: RecipeKey("lr"),
    resolve: { $0.map(LearningRate.fixed) ?? $1.learningRate }, record: \.fixedValue)

  /// The learning rate of the first step of range scales; nil: that of the rounding offsets.
  public let rangeLearningRate = RunOption<Double, Double?>(
    OptionName("rangeLearningRate", "--minmax-lr"), key: RecipeKey("minmax_lr"), in: .positive,
    fingerprint: "learning rate of ranges",
    help: OptionHelp(
      "Learning rate of the ranges of groups.", default: "that of --learning-rate"))

  /// Samples per batch.
  public let batchSize = RunOption(
    .batchSize, key: RecipeKey("batch_size"), in: .from(1...65_536), default: \.batchSize,
    fingerprint: "batch size", help: OptionHelp("Samples per batch of tuning."))

  /// Batches whose gradients are summed up for a step.
  public let gradientAccumulation = RunOption(
    .gradientAccumulation,
    key: RecipeKey("gradient_accumulate_steps", omitsDefault: true), in: .from(1...65_536),
    default: { _ in 1 }, fingerprint: "batches of a step",
    help: OptionHelp(
      "Batches per step of tuning.",
      "Larger steps in the memory of one batch; gradients are summed up, which takes 4 bytes for a weight."
    ))

  /// The seed of the batch order.
  public let seed = RunOption(
    OptionName("seed", "--seed"), in: .from(0...Int(UInt32.max)), default: { _ in 42 },
    fingerprint: "seed", help: OptionHelp("Seed of the order of samples."))

  /// How weights are tuned.
  public let algorithm = RunOption(
    OptionName("algorithm", "--algorithm"),
    key: RecipeKey("enable_alg_ext", true: TuningAlgorithm.signRoundV2, false: .signRound),
    in: .words, default: { _ in .signRound }, fingerprint: "algorithm",
    help: OptionHelp(
      "How weights are tuned.",
      """
      signround-v2 starts from searched scales and, below 4 bits, leaves outliers out of the loss; for \
      symmetric integers of 2 to 4 bits, MXFP4 and NVFP4.
      """))

  /// How precise gradients of linear layers are; nil: as the compute type has it.
  public let gradients = RunOption<GradientPrecision, GradientPrecision?>(
    OptionName("gradients", "--gradients"), key: RecipeKey("gradients"), in: .words,
    help: OptionHelp(
      "Products of the backward pass.",
      """
      int8 takes three quarters of the time and gives the same losses, since nothing but signs is used. \
      (default: int8 with bf16, but for small models on processors with AMX; else full)
      """))

  /// What stays of the gradients of earlier steps, from 0 up to 1.
  public let momentum = RunOption(
    OptionName("momentum", "--momentum"), key: RecipeKey("momentum", omitsDefault: true),
    in: .from(0.0..<1.0), default: { _ in 0 }, fingerprint: "momentum",
    help: OptionHelp(
      "Momentum: share of earlier gradients kept, at least 0 and below 1.",
      "0.9 makes up for small batches; most at 2 bits.", default: "0"))

  /// The calibration tokens below which an expert is rounded and not tuned; 0 tunes all of them.
  public let expertTokenLimit = RunOption(
    .expertTokenLimit, key: RecipeKey("minimum_expert_tokens", omitsDefault: true),
    in: .from(0...1 << 31), default: { _ in 32 }, fingerprint: "minimum expert tokens",
    help: OptionHelp(
      "Calibration tokens below which an expert is rounded, not tuned.",
      """
      Tokens count for the experts that they choose, with --calibrate-all-experts too. Scales are searched \
      for such experts as with --iterations 0, and the report lists them. 32 is the smallest usual group: \
      fewer tokens do not determine how its weights are to be rounded.
      """))

  /// Whether calibration finds out what experts read if every token chooses all of them.
  public let calibratesAllExperts = RunOption(
    .calibratesAllExperts, key: RecipeKey("moe_calibrate_all_experts", omitsDefault: true),
    in: .any, default: { _ in false }, fingerprint: "calibration of all experts",
    help: OptionHelp(
      "Calibrate all experts on all tokens.",
      """
      Scales of experts' inputs, and what columns weigh in a search for scales, are then found on all tokens, \
      not on those that choose an expert; tuning, and what experts answer, stay with the chosen. It \
      takes a forward pass or two through all experts of a block. A model without experts stays as it is.
      """))

  /// What becomes of the head.
  public let head = RunOption(
    .head, key: RecipeKey("quant_lm_head", true: HeadTreatment.quantize, false: .keep), in: .words,
    default: { _ in .keep },
    help: OptionHelp(
      "Whether to quantize the output head (lm_head).",
      """
      quantize tunes it on its own outputs, with the scheme of the target that matches it. A head that is \
      the embedding stays as it is.
      """))

  /// With no iterations: round to nearest plainly, without a search for better scales.
  public let disablesOptimizedRounding = RunOption(
    .disablesOptimizedRounding, key: RecipeKey("disable_opt_rtn"), in: .any,
    default: { _ in false }, fingerprint: "plain rounding",
    help: OptionHelp(
      "With --iterations 0, round plainly to nearest, without a search for better scales."))

  /// Whether weights are rounded as they lie in the files, without running the model: no calibration, any
  /// architecture. Needs 0 iterations. It is so without being asked for where there are no iterations and the
  /// architecture is not known.
  public let isModelFree = RunOption(
    OptionName("isModelFree", "--model-free"), in: .any, default: { _ in false },
    help: OptionHelp(
      "Round the weights as they lie in the files, without running the model.",
      """
      No calibration, and any architecture: linear layers are told by the names and shapes of their \
      tensors. It is so without this flag for an unknown architecture with --iterations 0.
      """))
}
