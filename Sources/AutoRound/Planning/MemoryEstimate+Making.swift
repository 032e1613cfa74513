import Checkpoints
import Compute
import LanguageModels
import Quantization
import Tensors

extension MemoryEstimate {
  /// Adds up what the largest block needs.
  init(_ state: SessionState, _ options: ResolvedOptions, heldOutTokenCount: Int) throws {
    let (samples, tokens) = (state.calibration.samples.count, state.calibration.sequenceLength)
    let compute = state.device.compute
    streams = 2 * samples * tokens * state.model.description.hiddenSize * compute.byteCount
    process = max(ProcessMemory.currentByteCount, Self.leastProcess) + Self.libraries
    (block, tuning, mapped) = (0, 0, 0)
    var programs: [AnyHashable: Int] = [:]
    for placed in state.decoderBlocks {
      let key = AnyHashable(placed.block)
      programs[key] =
        programs[key]
        ?? BlockProgram.byteCount(
          placed.block, batch: min(options.batchSize, samples), tokens: tokens, compute: compute,
          training: .matrices)
      var (offsets, weights, codes) = (0, 0, 0)
      for layer in placed.block.linearLayers {
        let name = "\(placed.name).\(layer.name)"
        guard state.schemes[name]?.weights != nil,
          let info = state.model.checkpoint.info("\(name).weight")
        else { continue }
        let elements = layer.outputs * layer.inputs
        // Rounding offsets in f32, the best of them, and a copy of weights that are used as f32.
        offsets += 8 * elements + (info.dtype == .float16 ? 4 * elements : 0)
        weights += elements * info.dtype.byteCount
        // Integers and packed codes of one layer at a time.
        codes = max(codes, 2 * elements)
      }
      block = max(block, programs[key] ?? 0)
      tuning = max(tuning, offsets + codes)
      mapped = max(mapped, weights)
    }
    guard state.quantizesHead else { return }
    let description = state.model.description
    let elements = description.vocabularySize * description.hiddenSize
    // Two programs with the head's weight, the gradient of one of them in f32, logits and their
    // gradient, and both streams cut into pieces.
    block = max(block, elements * (2 * compute.byteCount + 4) + 192 << 20 + streams)
    tuning = max(tuning, 10 * elements)
    mapped = max(mapped, elements * compute.byteCount)
  }

  /// What a process takes that has just been started.
  private static let leastProcess = 24_000_000
  /// What the matrix library makes for its products, the tokenizer and the calibration text.
  private static let libraries = 16_000_000
}
