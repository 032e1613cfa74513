public import Calibration
public import Compute
public import Execution
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
/// - Parameters:
///   - model: A Hugging Face checkpoint folder in full precision.
///   - recipe: What to do, with one `AutoRoundModifier`.
///   - dataset: The calibration text.
///   - overrides: Options that win over the recipe's, and those that recipes do not have: samples, their
///     length, the seed.
///   - output: The folder to write.
///   - overwrite: Whether a checkpoint that is there may be replaced.
///   - compute: The type of the matrix products.
///   - threads: Threads to use; nil: one for each processor.
///   - restart: Whether what an earlier run has left is thrown away; otherwise a run with the same
///     arguments goes on after the last block that is finished, and ends with the same bytes as one that
///     was never cut off.
///   - ignoreLimits: Whether to begin although the disk or the memory do not suffice by the plan.
///   - memoryBudget: What the run may take; nil: most of what is free. Hidden states of calibration samples
///     that do not fit are kept in a file without a name in `<output>.partial`.
///   - reporting: What is written about the run beside the checkpoint, and on how much its result is measured.
///   - observer: Told what happens while it happens.
/// - Returns: What was done to each block, and what came out.
/// - Throws: `InputError`, which names the file and the field that is at fault; ``RunInterruption`` if
///   the observer wants the run to stop. Blocks that are finished by then are kept in `<output>.partial`.
@discardableResult
public func oneshot(
  model: URL, recipe: Recipe, dataset: CalibrationSource = .builtin,
  overrides: OptionOverrides = OptionOverrides(), output: URL, overwrite: Bool = false,
  compute: ComputeType = .automatic, threads: Int? = nil, restart: Bool = false,
  ignoreLimits: Bool = false, memoryBudget: MemoryBudget? = nil,
  reporting: RunReporting = RunReporting(),
  observer: (any RunObserver)? = nil
) throws -> RunReport {
  for warning in recipe.warnings { observer?.observe(.warning(warning)) }
  let options = try ResolvedOptions(overrides: overrides, recipe: recipe.autoRoundOptions())
  return try oneshot(
    model: model, modifier: AutoRoundModifier(options), dataset: dataset, output: output,
    overwrite: overwrite, compute: compute, threads: threads, restart: restart,
    ignoreLimits: ignoreLimits, memoryBudget: memoryBudget, reporting: reporting,
    observer: observer)
}

/// Quantizes a checkpoint in one go with a modifier made in code.
///
/// Parameters and results are those of
/// ``oneshot(model:recipe:dataset:overrides:output:overwrite:compute:threads:restart:ignoreLimits:memoryBudget:reporting:observer:)``.
@discardableResult
public func oneshot(
  model: URL, modifier: any Modifier, dataset: CalibrationSource = .builtin, output: URL,
  overwrite: Bool = false, compute: ComputeType = .automatic, threads: Int? = nil,
  restart: Bool = false, ignoreLimits: Bool = false, memoryBudget: MemoryBudget? = nil,
  reporting: RunReporting = RunReporting(),
  observer: (any RunObserver)? = nil
) throws -> RunReport {
  var job = QuantizationJob(model: model, modifier: modifier, output: output)
  job.dataset = dataset
  job.overwrite = overwrite
  job.compute = compute
  job.threads = threads
  job.restart = restart
  job.ignoresLimits = ignoreLimits
  job.memoryBudget = memoryBudget
  job.reporting = reporting
  return try job.run(observer: observer)
}
