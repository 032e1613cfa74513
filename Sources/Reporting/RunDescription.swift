/// What a run is about to do: enough to repeat it, and to see at a glance that it is what was meant.
///
/// What a run has not, because it does not run the model, keeps its first value here.
public struct RunDescription: Sendable, Equatable {
  /// The model as the user named it, usually a folder.
  public var model = ""
  /// The architecture in the model's configuration, such as `LlamaForCausalLM`.
  public var architecture = "unknown"
  /// How the model's weights are stored if that is in small floats, which are read as numbers; empty in full
  /// precision.
  public var sourceStorage: String?
  /// The schemes in one line, such as `W4A16` or `2 groups: int2 group 32, int4 group 128`.
  public var scheme = ""
  /// The device that computes, such as `cpu`.
  public var device = "cpu"
  /// The instruction set that the kernels were chosen for, such as `avx512-bf16`.
  public var instructionSet = "any"
  /// The library of the matrix products, with its version; empty if there are none.
  public var matrixLibrary = ""
  /// The type that matrix products are computed in: `bf16` or `f32`.
  public var computeType = "f32"
  /// The number of threads.
  public var threadCount = 1
  /// The number of decoder blocks.
  public var blockCount = 0
  /// Positions of the blocks that have something to quantize, and of a head after them; nil: all blocks.
  public var tunedBlocks: [Int]?
  /// Steps of tuning per block.
  public var iterations = 0
  /// Portions that blocks of experts are tuned in, one after the other, because memory does not suffice for whole ones.
  public var portionCount = 1
  /// Whether scales are searched for, in place of tuning or before it.
  public var searchesScales = false
  /// Samples per batch.
  public var batchSize = 0
  /// Batches of a step whose gradients are summed up.
  public var gradientAccumulation = 1
  /// The learning rate of the first step, or how it is chosen.
  public var learningRate = "none"
  /// The same for the ranges of groups; nil: the same.
  public var rangeLearningRate: Double?
  /// The number of calibration samples.
  public var sampleCount = 0
  /// Tokens per sample.
  public var sequenceLength = 0
  /// ``CalibrationData/hash`` of the samples.
  public var calibrationHash = "none"
  /// The beginning of the first sample, decoded: what the model is really calibrated on.
  public var calibrationExcerpt = ""
  /// What else there is to say of how samples came about; empty if nothing.
  public var calibrationRemark = ""
  /// Tokens of all samples without padding; nil where there is none.
  public var calibrationTokenCount: Int?
  /// The seed of the batch order.
  public var seed = 0

  /// A description of nothing, to be filled in.
  public init() {}

  /// Calibration tokens in all samples together.
  public var tokenCount: Int { calibrationTokenCount ?? sampleCount * sequenceLength }
}
