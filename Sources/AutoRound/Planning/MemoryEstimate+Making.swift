import Calibration
import Checkpoints
import Compute
import Execution
import LanguageModels
import Quantization
import Recipes
import Tensors

extension MemoryEstimate {
  /// Adds up what the largest block needs.
  init(_ state: SessionState, _ options: ResolvedOptions) throws {
    let (samples, tokens) = (state.calibration.samples.count, state.calibration.sequenceLength)
    let compute = state.device.compute
    streams = 2 * samples * tokens * state.model.description.hiddenSize * compute.byteCount
    process = Self.processByteCount + Self.libraries
    if compute == .float32 { process += ThreadTeam.size * Self.productByteCount }
    let isTuned = options.iterations > 0
    (block, tuning, mapped) = (0, 0, 0)
    var programs: [PlacedBlock.Kind: Int] = [:]
    for placed in state.decoderBlocks {
      let key = placed.kind
      programs[key] =
        programs[key]
        ?? BlockProgram.byteCount(
          placed.block, activations: placed.activations, batch: min(options.batchSize, samples),
          tokens: tokens, device: state.device, training: state.training,
          gradientPrecision: state.gradientPrecision)
      var (offsets, weights, codes) = (0, 0, 0)
      for layer in placed.block.linearLayers {
        let name = "\(placed.name).\(layer.name)"
        guard let arguments = state.schemes[name]?.weights,
          let info = state.model.checkpoint.info(
            StoredMatrix.fullName(layer.weight.tensor, in: placed.name))
        else { continue }
        let elements = layer.outputs * layer.inputs
        offsets += try arguments.quantizerByteCount(
          rows: layer.outputs, columns: layer.inputs, dtype: info.dtype, isTuned: isTuned)
        // Gradients that are kept.
        if isTuned, options.momentum > 0 { offsets += 4 * elements }
        weights += elements * info.dtype.byteCount
        // One layer at a time.
        codes = max(codes, elements * QuantizationArguments.finishedBytesPerWeight)
      }
      block = max(block, programs[key] ?? 0)
      tuning = max(tuning, offsets + codes)
      mapped = max(mapped, weights)
    }
    guard state.quantizesHead else { return }
    let description = state.model.description
    let elements = description.vocabularySize * description.hiddenSize
    // Beside the last block's program, two with the head's weight, the gradient of one of them in f32, with
    // the weight as integers if products are of integers, logits of a piece with their gradient and those in
    // full precision, and both streams if they are cut into pieces.
    let gradient = !isTuned ? 0 : state.gradientPrecision == .int8 ? 5 : 4
    let piece = CalibratedHead.pieceTokenCount(state)
    block +=
      elements * (2 * compute.byteCount + gradient)
      + 3 * piece * description.vocabularySize * compute.byteCount + (piece < tokens ? streams : 0)
    if let info = state.model.checkpoint.info(description.end.head.weight.tensor),
      let arguments = state.schemes[description.headModule]?.weights
    {
      // Its gradients are always kept: a step takes several pieces of samples.
      tuning = try max(
        tuning,
        arguments.quantizerByteCount(
          rows: description.vocabularySize, columns: description.hiddenSize, dtype: info.dtype,
          isTuned: isTuned) + elements * (isTuned ? 4 : 0)
          + elements * QuantizationArguments.finishedBytesPerWeight)
    }
    mapped = max(mapped, elements * compute.byteCount)
  }

  /// The program before it works.
  static var processByteCount: Int { max(ProcessMemory.currentByteCount, leastProcess) }

  /// What reading the result again takes: a piece of a file for each thread, and the tables of tensors.
  static let verificationByteCount = 8_000_000
  /// What a process takes that has just been started.
  private static let leastProcess = 24_000_000
  /// What products of f32 take for each thread: a copy of a piece of both factors is made anew for each product,
  /// and the C library finds a new place for it as often as not (measured: 5 to 25 MB on two threads).
  private static let productByteCount = 6_000_000
  /// What the matrix library makes for its products, the tokenizer and the calibration text.
  private static let libraries = 16_000_000
}
