public import Calibration
public import Foundation
public import Recipes
public import Reporting

/// Quantizes a checkpoint in one go: reads `model`, tunes it on `dataset`, writes `output`.
///
/// ```swift
/// let report = try oneshot(
///   model: URL(filePath: "Qwen3-0.6B"), recipe: Recipe(contentsOf: URL(filePath: "recipe.yaml")),
///   output: URL(filePath: "Qwen3-0.6B-W4A16"))
/// ```
///
/// With 0 iterations a model of an architecture that is not known is rounded without being run: which of
/// its tensors are weights of linear layers is then told by their names and shapes.
///
/// ``QuantizationJob`` does the same, can plan it beforehand, and can run in a task. The output appears under its
/// name only when it is complete.
///
/// ```swift
/// try oneshot(model: model, modifier: modifier, output: output) { $0.threads = 4 }
/// ```
///
/// - Parameters:
///   - model: A Hugging Face checkpoint folder in full precision.
///   - recipe: What to do, with one `AutoRoundModifier`.
///   - dataset: The calibration text.
///   - overrides: Options that win over the recipe's, and those that recipes do not have: samples, their
///     length, the seed.
///   - output: The folder to write.
///   - overwrite: Whether a checkpoint that is there may be replaced.
///   - observer: Told what happens while it happens.
///   - set: Sets what else a ``QuantizationJob`` has: threads, limits, what is written about the run.
/// - Returns: What was done to each block, and what came out.
/// - Throws: `InputError`, which names the file and the field that is at fault; ``RunInterruption`` if
///   the observer wants the run to stop. Blocks that are finished by then are kept in `<output>.partial`.
@discardableResult
public func oneshot(
  model: URL, recipe: Recipe, dataset: CalibrationSource = .builtin,
  overrides: OptionOverrides = OptionOverrides(), output: URL, overwrite: Bool = false,
  observer: (any RunObserver)? = nil, _ set: (inout QuantizationJob) -> Void = { _ in }
) throws -> RunReport {
  for warning in recipe.warnings { observer?.observe(.warning(warning)) }
  let options = try ResolvedOptions(overrides: overrides, recipe: recipe.autoRoundOptions())
  return try oneshot(
    model: model, modifier: AutoRoundModifier(options), dataset: dataset, output: output,
    overwrite: overwrite, observer: observer, set)
}

/// Quantizes a checkpoint in one go with a modifier made in code.
///
/// Parameters and results are those of ``oneshot(model:recipe:dataset:overrides:output:overwrite:observer:_:)``.
@discardableResult
public func oneshot(
  model: URL, modifier: any Modifier, dataset: CalibrationSource = .builtin, output: URL,
  overwrite: Bool = false, observer: (any RunObserver)? = nil,
  _ set: (inout QuantizationJob) -> Void = { _ in }
) throws -> RunReport {
  var job = QuantizationJob(model: model, modifier: modifier, output: output)
  job.dataset = dataset
  job.overwrite = overwrite
  set(&job)
  return try job.run(observer: observer)
}
