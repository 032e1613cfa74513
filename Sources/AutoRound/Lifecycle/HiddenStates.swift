import Checkpoints
import Diagnostics
import Execution
import LanguageModels

/// The hidden states of all samples at one place in a model.
struct HiddenStates {
  /// Those of the model in full precision.
  let original: ActivationCache
  /// Those of the model as it is quantized so far.
  let quantized: ActivationCache
}

extension HiddenStates {
  /// Room for what the first unit reads.
  init(_ placement: StreamPlacement) throws(InputError) {
    original = try placement.makeCache(0)
    quantized = try placement.makeCache(1)
  }

  /// Fills both with the embeddings of all samples.
  func embed(_ samples: [[Int32]], in setup: CalibrationSetup) throws {
    let checkpoint = setup.model.checkpoint
    let embedding = try TokenEmbedding(
      setup.model.description.front, source: checkpoint, compute: setup.device.compute)
    for (index, sample) in samples.enumerated() {
      try embedding.write(sample.lazy.map { Int($0) }, to: original[index])
    }
    checkpoint.releasePages()
    quantized.copy(from: original)
  }
}
