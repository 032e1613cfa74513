import Compute
import Execution
import LanguageModels
import Recipes

/// How a model is run for calibration: on how much data, in what type, and what is found out.
struct CalibrationSetup {
  let model: SourceModel
  let options: ResolvedOptions
  let needs: CalibrationNeeds
  let device: any Device
  let gradientPrecision: GradientPrecision
  /// Samples, and tokens of each.
  var sampleCount: Int
  var tokenCount: Int

  init(
    _ model: SourceModel, _ options: ResolvedOptions, _ needs: CalibrationNeeds,
    compute: ComputeType, sampleCount: Int, tokenCount: Int
  ) throws {
    self.model = model
    self.options = options
    self.needs = needs
    device = try CPUDevice(compute: compute)
    gradientPrecision = try options.gradientPrecision(
      for: device.compute, hiddenSize: model.description.hiddenSize)
    (self.sampleCount, self.tokenCount) = (sampleCount, tokenCount)
  }

  /// What programs compute gradients of.
  var training: Program.Training { needs.gradients ? .matrices : .nothing }
  /// Samples that run at once.
  var batch: Int { min(options.batchSize, sampleCount) }
  /// Bytes of a sample's hidden states.
  var sampleByteCount: Int {
    tokenCount * model.description.hiddenSize * device.compute.byteCount
  }

  /// The decoder blocks, quantizing activations as the schemes say.
  func blocks(_ table: SchemeTable) -> [PlacedBlock] { description(table).blocks }

  /// How the activations of the model's end are quantized.
  func endActivations(_ table: SchemeTable) -> ActivationPlan { description(table).endActivations }

  private func description(_ table: SchemeTable) -> ModelDescription {
    model.description.quantizingActivations(
      schemes: table.layers, keyValues: table.keysAndValues, rule: .tuning,
      sharesScale: { _, _ in true })
  }

  /// Tokens that the head computes at once: the logits are then no more than a limit, if samples can be cut so far.
  var headTokenCount: Int {
    let byteLimit = 64 << 20
    var tokens = tokenCount
    let rowByteCount = model.description.vocabularySize * device.compute.byteCount
    while tokens.isMultiple(of: 2), tokens * rowByteCount > byteLimit { tokens /= 2 }
    return tokens
  }
}
