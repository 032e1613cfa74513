public import Evaluation
public import Foundation
public import JSONText
public import Verification

/// What became of one decoder block.
///
/// All losses are mean squared errors between the outputs of the block with quantized and with
/// original weights, on calibration samples.
public struct BlockReport: Sendable, Equatable {
  /// Position in the model, from 0.
  public var index: Int
  /// The name of the block's module, such as `model.layers.0`.
  public var name: String
  /// The names of the layers that were quantized.
  public var layers: [String]
  /// Loss of the first step's batch, before any step was taken.
  public var initialLoss: Double
  /// The smallest loss of any step's batch; the parameters of that step were kept. Of a block that was tuned in portions,
  /// that of the last one.
  public var bestLoss: Double
  /// The step of that loss, from 0, in ``losses``.
  public var bestIteration: Int
  /// Loss on all samples with the weights that were kept.
  public var finalLoss: Double
  /// Loss on all samples with weights rounded to nearest.
  public var rtnLoss: Double
  /// The share of ``rtnLoss`` that one token in 64 carries, those with the largest errors. Near 1, the block
  /// has massive activations, and its losses say little about the other tokens.
  public var lossShareOfFew: Double
  /// Seconds spent on the block.
  public var seconds: Double
  /// Loss of each step's batch, before the step was taken.
  public var losses: [Double]
  /// How many tokens reach the block's experts; nil where it has none.
  public var experts: ExpertCoverage?
  /// The portions that the block was tuned in, one after the other; empty for one that was tuned as a whole.
  public var portions: [PortionReport] = []
  /// What became of the weight of each of ``layers``; empty where that was not found out.
  public var layerReports: [LayerReport] = []

  /// Creates a report.
  public init(
    index: Int, name: String, layers: [String], initialLoss: Double, bestLoss: Double,
    bestIteration: Int, finalLoss: Double, rtnLoss: Double, lossShareOfFew: Double = 0,
    seconds: Double, losses: [Double] = []
  ) {
    self.index = index
    self.name = name
    self.layers = layers
    self.initialLoss = initialLoss
    self.bestLoss = bestLoss
    self.bestIteration = bestIteration
    self.finalLoss = finalLoss
    self.rtnLoss = rtnLoss
    self.lossShareOfFew = lossShareOfFew
    self.seconds = seconds
    self.losses = losses
  }

  /// The share of the rounded-to-nearest loss that tuning removed: 0.25 for a quarter. Zero where
  /// there was nothing to remove.
  public var gain: Double {
    rtnLoss > 0 ? 1 - finalLoss / rtnLoss : 0
  }

  /// The report as a JSON object.
  public var json: JSONValue {
    var json: JSONValue = [
      "index": JSONValue(index), "name": .string(name),
      "layers": .array(layers.map(JSONValue.string)), "initial_loss": JSONValue(initialLoss),
      "best_loss": JSONValue(bestLoss), "best_iteration": JSONValue(bestIteration),
      "final_loss": JSONValue(finalLoss), "rtn_loss": JSONValue(rtnLoss),
      "loss_share_of_few": JSONValue(lossShareOfFew),
      "seconds": JSONValue(seconds), "losses": .array(losses.map { JSONValue($0) }),
    ]
    if let experts { json.set("experts", experts.json) }
    if !portions.isEmpty { json.set("portions", .array(portions.map(\.json))) }
    if !layerReports.isEmpty {
      for member in layerReports.json { json.set(member.key, member.value) }
    }
    return json
  }
}

/// What a run did and what came out.
public struct RunReport: Sendable, Equatable {
  /// The source model as the user named it.
  public var model: String
  /// The folder of the quantized checkpoint, or of the folders with those of several formats.
  public var output: URL
  /// What was written, by format, in the order in which these were asked for; never empty.
  public var outputs: [OutputReport]
  /// One report per decoder block, in order.
  public var blocks: [BlockReport]
  /// Seconds from the start of the run to the end.
  public var seconds: Double
  /// The largest resident memory of the process, in bytes.
  public var peakMemoryByteCount: Int
  /// Bytes of the source's tensor files.
  public var sourceByteCount: Int
  /// Every warning of the run, in order.
  public var warnings: [String]
  /// How the predictions of the first output differ from the source's on held-out samples; nil if that was not
  /// measured.
  public var quality: EvaluationReport?

  /// Creates a report of at least one output.
  public init(
    model: String, output: URL, outputs: [OutputReport], blocks: [BlockReport], seconds: Double,
    peakMemoryByteCount: Int, sourceByteCount: Int, warnings: [String]
  ) {
    self.model = model
    self.output = output
    self.outputs = outputs
    self.blocks = blocks
    self.seconds = seconds
    self.peakMemoryByteCount = peakMemoryByteCount
    self.sourceByteCount = sourceByteCount
    self.warnings = warnings
  }

  /// Bytes of the tensor files of all outputs.
  public var outputByteCount: Int { outputs.reduce(0) { $0 + $1.byteCount } }
  /// Stored bits per weight of the quantized layers in the first output, scales and zero points included.
  public var bitsPerWeight: Double { outputs.first?.bitsPerWeight ?? 0 }
  /// What reading the files of the first output again has shown; nil if that was not done.
  public var verification: VerificationReport? { outputs.first?.verification }

  /// The report as a JSON object, the one that `autoround quantize --json` prints.
  public var json: JSONValue {
    var json: JSONValue = [
      "model": .string(model), "output": .string(output.path(percentEncoded: false)),
      "seconds": JSONValue(seconds), "peak_memory_bytes": JSONValue(peakMemoryByteCount),
      "source_bytes": JSONValue(sourceByteCount), "output_bytes": JSONValue(outputByteCount),
      "bits_per_weight": JSONValue(bitsPerWeight), "blocks": .array(blocks.map(\.json)),
      "warnings": .array(warnings.map(JSONValue.string)),
    ]
    if let quality { json.set("held_out", quality.json) }
    if let verification { json.set("verification", verification.json) }
    if outputs.count > 1 { json.set("outputs", .array(outputs.map(\.json))) }
    return json
  }
}
