import Calibration
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
  init(_ placement: StreamPlacement, masks: [SampleMask]?) throws(InputError) {
    original = try placement.makeCache(0)
    quantized = try placement.makeCache(1)
    (original.masks, quantized.masks) = (masks, masks)
  }

  /// Fills both with the embeddings of all samples.
  func embed(_ samples: [[Int32]], in setup: CalibrationSetup) throws {
    let checkpoint = setup.model.checkpoint
    try original.embed(
      samples.lazy.map { $0.map { Int($0) } }, tokens: setup.tokenCount,
      by: setup.model.description.front, from: checkpoint)
    checkpoint.releasePages()
    quantized.copy(from: original)
  }
}
