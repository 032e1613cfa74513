import Compute
import Diagnostics
import Execution
import LanguageModels
import Recipes
import Recordings

/// How a model is run for calibration: on how much data, in what type, and what is found out.
struct CalibrationSetup {
  var model: SourceModel
  let options: ResolvedOptions
  let needs: CalibrationNeeds
  let device: any TuningDevice
  let gradientPrecision: GradientPrecision
  /// Samples, and tokens of each.
  var sampleCount: Int
  var tokenCount: Int
  /// Portions that a block of experts is tuned in.
  var portionCount = 1

  /// What programs compute gradients of.
  var training: Program.Training { needs.gradients ? .matrices : .nothing }
  /// Samples that run at once.
  var batch: Int { min(options.batchSize, sampleCount) }
  /// Rows of a batch that reach each of a block's experts, if all are reached by as many; 0 without experts.
  var rowsOfExpert: Double {
    for placed in model.description.blocks {
      guard let routing = placed.block.allExperts.first?.experts.routing else { continue }
      return Double(batch * tokenCount * routing.perToken) / Double(routing.experts)
    }
    return 0
  }
  /// Bytes of a sample: its hidden states, and what the stream carries behind them.
  var sampleByteCount: Int {
    tokenCount * model.description.streamColumns * device.compute.byteCount
  }
  /// Bytes of a sample's hidden states.
  var hiddenByteCount: Int {
    tokenCount * model.description.hiddenSize * device.compute.byteCount
  }

  /// Refuses a model of which the device cannot compute a part, while it is tuned or when the result is measured.
  func requireSupport(_ table: SchemeTable, isMeasured: Bool) throws {
    let rules: [ActivationQuantization.Rule] = isMeasured ? [.tuning, .runtime] : [.tuning]
    for rule in rules {
      let description = description(table, rule)
      var parts = description.blocks
      if rule == .runtime || table[description.headModule] != nil {
        parts.append(
          PlacedBlock(
            name: description.headModule, block: description.end,
            activations: description.endActivations))
      }
      var known: Set<PlacedBlock.Kind> = []
      for placed in parts where known.insert(placed.kind).inserted {
        try naming(placed.name) {
          try BlockProgram.requireSupport(
            of: placed.block, activations: placed.activations, batch: batch, tokens: tokenCount,
            device: device, gradientPrecision: rule == .tuning ? gradientPrecision : .full)
        }
      }
    }
  }

  /// The decoder blocks, quantizing activations as the schemes say.
  func blocks(_ table: SchemeTable) -> [PlacedBlock] {
    var blocks = description(table).blocks
    guard options.calibratesAllExperts else { return blocks }
    for index in blocks.indices { blocks[index].block = blocks[index].block.keepingExpertInputs }
    return blocks
  }

  /// How the activations of the model's end are quantized.
  func endActivations(_ table: SchemeTable) -> ActivationPlan { description(table).endActivations }

  private func description(
    _ table: SchemeTable, _ rule: ActivationQuantization.Rule = .tuning
  ) -> ModelDescription {
    model.description.quantizingActivations(
      schemes: table.layers, keyValues: table.keysAndValues, rule: rule,
      sharesScale: { _, _ in true })
  }

  /// Tokens that the head computes at once: the logits are then no more than a limit, if samples can be cut so far.
  var headTokenCount: Int {
    LogitProgram.halvedTokens(
      of: tokenCount, vocabularySize: model.description.vocabularySize, on: device)
  }
}
