package import Calibration
import Checkpoints
package import Compute
package import Execution
package import LanguageModels
package import Quantization
public import Reporting

/// What the modifiers of a session share: the model, the schemes of its layers, and where results go.
public final class SessionState {
  package let model: SourceModel
  package let device: any Device
  package let calibration: CalibrationData
  package let observer: (any RunObserver)?
  /// The scheme of each linear layer that is quantized, by its full name.
  package internal(set) var schemes: [String: QuantizationScheme] = [:]
  /// How keys and values are quantized; nil for not at all.
  package internal(set) var keyValueScheme: QuantizationArguments?
  /// Whether the head has a scheme.
  package var quantizesHead: Bool { schemes[model.description.headModule] != nil }
  /// Blocks of the model, and one more for a head that is quantized.
  package var stepCount: Int { model.description.blocks.count + (quantizesHead ? 1 : 0) }
  /// Positions of the blocks that have something to quantize, and of a head after them.
  package var tunedIndices: [Int] {
    let blocks = model.description.blocks
    return blocks.indices.filter { quantizes(blocks[$0]) } + (quantizesHead ? [blocks.count] : [])
  }
  /// Whether a modifier asks for ``CalibratedBlock/inputSquares``.
  package var wantsInputSquares = false
  /// What programs compute gradients of.
  package var training = Program.Training.matrices
  /// How precise gradients of linear layers are.
  package var gradientPrecision = GradientPrecision.full
  /// What became of each block so far.
  public internal(set) var blocks: [BlockReport] = []
  /// Every warning so far.
  public private(set) var warnings: [String] = []
  /// Hidden states of all samples in the model as it is quantized so far; nil before the first block.
  package var quantizedStream: ActivationCache?
  /// What is on the disk already; nil if nothing is kept.
  var journal: RunJournal?
  /// Where hidden states are kept; nil: in memory.
  var placement: StreamPlacement?
  private var programs: ProgramStore?
  private var deliver: (QuantizedWeight, String) throws -> Void = { _, _ in }
  private var deliverScale: (Float, String) throws -> Void = { _, _ in }

  package init(
    model: SourceModel, device: any Device, calibration: CalibrationData,
    observer: (any RunObserver)?
  ) {
    self.model = model
    self.device = device
    self.calibration = calibration
    self.observer = observer
    for remark in model.checkpoint.remarks { warn(remark) }
  }

  /// Tells the user something that does not stop the run; once.
  public func warn(_ text: String) {
    guard !warnings.contains(text) else { return }
    warnings.append(text)
    observer?.observe(.warning(text))
  }

  /// Takes over what an earlier run has finished.
  func restore(_ finished: [FinishedBlock]) {
    blocks = finished.compactMap(\.report)
    warnings += finished.flatMap(\.warnings).filter { !warnings.contains($0) }
    observer?.observe(.resumed(blocks))
  }

  /// Gives layers their schemes; a later modifier's schemes win.
  package func assign(_ schemes: [String: QuantizationScheme]) {
    self.schemes.merge(schemes) { $1 }
  }

  /// Whether a layer of a block has a scheme for its weight.
  package func quantizes(_ placed: PlacedBlock) -> Bool {
    placed.block.linearLayers.contains { schemes["\(placed.name).\($0.name)"]?.weights != nil }
  }

  /// Hands the finished weight of a layer to the output.
  package func commit(_ weight: QuantizedWeight, module: String) throws {
    try deliver(weight, module)
  }

  /// Hands the scale of activations to the output, under the full name of its tensor.
  package func commit(scale: Float, named name: String) throws {
    try deliverScale(scale, name)
  }

  func deliverWeights(to body: @escaping (QuantizedWeight, String) throws -> Void) {
    deliver = body
  }

  func deliverScales(to body: @escaping (Float, String) throws -> Void) {
    deliverScale = body
  }

  /// Lets go of the programs and hidden states, when all blocks are done.
  func releaseMemory() {
    programs = nil
    quantizedStream = nil
  }

  /// The decoder blocks, quantizing activations as the schemes say.
  package var decoderBlocks: [PlacedBlock] { quantizingDescription.blocks }

  /// How the activations of the model's end are quantized.
  package var endActivations: ActivationPlan { quantizingDescription.endActivations }

  private var quantizingDescription: ModelDescription {
    model.description.quantizingActivations(
      schemes: schemes, keyValues: keyValueScheme, rule: .tuning, sharesScale: { _, _ in true })
  }

  /// The program of blocks like `placed`.
  ///
  /// - Parameter batchSize: Samples that run at once; the same for all calls of a run.
  package func program(for placed: PlacedBlock, batchSize: Int) throws -> BlockProgram {
    let store =
      programs
      ?? ProgramStore(
        device: device, batch: min(batchSize, calibration.samples.count), training: training,
        gradientPrecision: gradientPrecision, keepsOne: true)
    programs = store
    return try store.program(for: placed, tokens: calibration.sequenceLength)
  }
}

/// A decoder block whose inputs and full-precision outputs are known for every calibration sample.
public final class CalibratedBlock {
  /// Position in the model, from 0.
  public let index: Int
  /// The block's name, such as `model.layers.0`.
  public let name: String
  package let structure: any DecoderBlock
  /// The block's program with its full-precision weights.
  package let program: BlockProgram
  /// Inputs of the full-precision stream; nil once a block has been quantized and the stream of the
  /// quantized model takes its place.
  package let firstInputs: ActivationCache?
  /// Outputs in full precision.
  package let outputs: ActivationCache
  /// The squares of the linear layers' inputs in full precision; nil unless a modifier asked for them.
  package let inputSquares: InputSquares?

  package init(
    index: Int, name: String, structure: any DecoderBlock, program: BlockProgram,
    firstInputs: ActivationCache?, outputs: ActivationCache, inputSquares: InputSquares? = nil
  ) {
    self.index = index
    self.name = name
    self.structure = structure
    self.program = program
    self.firstInputs = firstInputs
    self.outputs = outputs
    self.inputSquares = inputSquares
  }
}
