import AutoRound
import Diagnostics
import Evaluation
import Foundation
import JSONText
import Tensors

/// Targets that do with a whole folder what a command does.
extension FuzzTarget {
  /// What `plan` says of a source and a recipe, without measuring time. Besides its files, an input may have
  /// `recipe`, `iterations` and `model_free`.
  static let plan = FuzzTarget(
    name: "plan",
    words: checkpointWords + [
      "AutoRoundModifier", "scheme", "W2A16", "W8A8", "FP8", "FP8_BLOCK", "NVFP4", "MXFP8",
      "Linear",
      "lm_head", "k_scale", "weight_scale", "input_global_scale", "tie_word_embeddings", "qwen3",
    ]
  ) { bytes in
    let document = try JSONValue.parse(bytes)
    try withFolders(document) { folder, _ in
      let recipe = try document["recipe"].map { try Recipe($0.text()).autoRoundOptions() }
      let overrides = OptionOverrides {
        $0.iterations = document["iterations"]?.intValue
        $0.sampleCount = 2
        $0.sequenceLength = 4
        $0.isModelFree = document["model_free"]?.boolValue
      }
      let plan = try QuantizationJob(
        model: folder,
        modifier: AutoRoundModifier(ResolvedOptions(overrides: overrides, recipe: recipe))
      ).plan(measuresTime: false)
      guard try JSONValue.parse(plan.json.text()) == plan.json else {
        fatalError("a plan does not read back from its own text")
      }
      let kept = plan.keptTensors.reduce(0) { $0 + $1.byteCount }
      guard kept + plan.layers.reduce(0, { $0 + $1.byteCount }) <= plan.tensorByteCount,
        plan.lines(width: 60).count > plan.files.count
      else { fatalError("a plan that does not add up") }
    }
  }

  /// What `evaluate` computes of a checkpoint in any format, compared with its source if it has one.
  static let evaluate = FuzzTarget(
    name: "evaluate",
    words: checkpointWords + [
      "input_scale", "input_global_scale", "k_scale", "dynamic", "local", "token", "actorder",
      "input_activations", "num_key_value_heads", "sliding_window", "head_dim", "qwen2", "7f80",
    ]
  ) { bytes in
    try withFolders(try JSONValue.parse(bytes)) { folder, source in
      ThreadTeam.size = 1
      // The one token that every vocabulary has.
      let report = try Evaluation(model: folder, reference: source)
        .run(onWindows: [[0, 0, 0], [0, 0, 0]])
      guard report.perplexity.isFinite, report.tokens == 4, !report.json.text().isEmpty else {
        fatalError("a perplexity of \(report.perplexity) on \(report.tokens) tokens")
      }
    }
  }
}
