/// What a run is about to do: enough to repeat it, and to see at a glance that it is what was meant.
public struct RunDescription: Sendable, Equatable {
  /// The model as the user named it, usually a folder.
  public var model: String
  /// The architecture in the model's configuration, such as `LlamaForCausalLM`.
  public var architecture: String
  /// The schemes in one line, such as `W4A16` or `2 groups: int2 group 32, int4 group 128`.
  public var scheme: String
  /// The device that computes, such as `cpu`.
  public var device: String
  /// The instruction set that the kernels were chosen for, such as `avx512-bf16`.
  public var instructionSet: String
  /// The library of the matrix products, with its version; empty if there are none.
  public var matrixLibrary: String
  /// The type that matrix products are computed in: `bf16` or `f32`.
  public var computeType: String
  /// The number of threads.
  public var threadCount: Int
  /// The number of decoder blocks.
  public var blockCount: Int
  /// Positions of the blocks that have something to quantize, and of a head after them; nil: all blocks.
  public var tunedBlocks: [Int]?
  /// Steps of tuning per block.
  public var iterations: Int
  /// Whether scales are searched for, in place of tuning or before it.
  public var searchesScales: Bool
  /// Samples per step.
  public var batchSize: Int
  /// The learning rate of the first step, or how it is chosen.
  public var learningRate: String
  /// The number of calibration samples.
  public var sampleCount: Int
  /// Tokens per sample.
  public var sequenceLength: Int
  /// ``CalibrationData/hash`` of the samples.
  public var calibrationHash: String
  /// The beginning of the first sample, decoded: what the model is really calibrated on.
  public var calibrationExcerpt: String
  /// The seed of the batch order.
  public var seed: Int

  /// Creates a description.
  public init(
    model: String, architecture: String, scheme: String, device: String, instructionSet: String,
    matrixLibrary: String = "", computeType: String, threadCount: Int, blockCount: Int,
    tunedBlocks: [Int]? = nil, iterations: Int, searchesScales: Bool = false, batchSize: Int,
    learningRate: String, sampleCount: Int, sequenceLength: Int, calibrationHash: String,
    calibrationExcerpt: String, seed: Int
  ) {
    self.model = model
    self.architecture = architecture
    self.scheme = scheme
    self.device = device
    self.instructionSet = instructionSet
    self.matrixLibrary = matrixLibrary
    self.computeType = computeType
    self.threadCount = threadCount
    self.blockCount = blockCount
    self.tunedBlocks = tunedBlocks
    self.iterations = iterations
    self.searchesScales = searchesScales
    self.batchSize = batchSize
    self.learningRate = learningRate
    self.sampleCount = sampleCount
    self.sequenceLength = sequenceLength
    self.calibrationHash = calibrationHash
    self.calibrationExcerpt = calibrationExcerpt
    self.seed = seed
  }

  /// Calibration tokens in all samples together.
  public var tokenCount: Int { sampleCount * sequenceLength }
}
