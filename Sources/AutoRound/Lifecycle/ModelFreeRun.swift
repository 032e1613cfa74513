import Checkpoints
import Compute
import Diagnostics
import Execution
import Foundation
import JSONText
import Quantization
import Recipes
import Reporting
import Tensors
import Verification

/// A run that rounds weights as they lie in the files: no calibration, and no need to know what the model
/// computes.
struct ModelFreeRun {
  var job: QuantizationJob
  var observer: (any RunObserver)?
  var options: ResolvedOptions { job.modifier.options }

  func run(to output: URL) throws -> RunReport {
    let started = ContinuousClock.now
    var warnings: [String] = []
    func warn(_ text: String) {
      guard !warnings.contains(text) else { return }
      warnings.append(text)
      observer?.observe(.warning(text))
    }
    let planned = try prepare(warn)
    let (checkpoint, copy, schemes) = (planned.checkpoint, planned.copy, planned.schemes)
    let plan = try plan(of: planned, warnings: warnings)
    for warning in plan.warnings { warn(warning) }
    let folder = try PartialFolder(output: output, sources: [job.model], overwrite: job.overwrite)
    defer { folder.discard() }
    if let remark = folder.remark { warn(remark) }
    try folder.clear()
    if !job.ignoresLimits {
      try plan.requireMemory(free: SystemMemory.availableByteCount)
      try folder.requireSpace(plan.diskByteCount)
    }
    func checkStop() throws {
      guard observer?.wantsStop == true else { return }
      throw RunInterruption(finishedBlocks: 0, blockCount: schemes.count)
    }
    try checkpoint.requireFinite(
      progress: ReadingProgress(observer, checkStop: checkStop).note)
    let writer = try CheckpointWriter(CheckpointPlan(copy.tensors), in: folder)

    let globalScales = try NamedModules.globalScales(schemes, checkpoint)
    for (index, module) in schemes.keys.sorted().enumerated() {
      try checkStop()
      observer?.observe(.blockStarted(index: index, count: schemes.count, name: module))
      guard let arguments = schemes[module]?.weights else { continue }
      let weight = try checkpoint.tensor("\(module).weight")
      let rounded = try naming(module) {
        let quantizer = try arguments.makeWeightQuantizer(
          for: weight, scaleDType: weight.dtype, globalScale: globalScales[module], isTuned: false)
        if !options.disablesOptimizedRounding { quantizer.searchScales(importance: nil) }
        return try quantizer.finished()
      }
      for (name, tensor) in try copy.tensors(for: rounded, of: module) {
        try writer.write(tensor, named: name)
      }
      weight.releasePages()
    }
    try copy.writeTheRest(to: writer, recipe: options.recipe)
    if let file = checkpoint.changedFiles.first {
      throw InputError(
        .malformed, source: job.model.appending(path: file).path(percentEncoded: false),
        "was changed while it was read")
    }
    let completion = CheckpointCompletion(
      source: checkpoint, output: output, reporting: job.reporting,
      observer: observer, writer: writer, folder: URL(filePath: folder.checkpointPath))
    try checkStop()
    let verification = try completion.verify(
      digests: [], reach: TuningReach(iterations: 0, learningRate: nil), options: options,
      warn: warn)
    try checkStop()
    var report = RunReport(
      model: job.model.path(percentEncoded: false), output: output, blocks: [],
      seconds: (ContinuousClock.now - started).seconds,
      peakMemoryBytes: ProcessMemory.peakByteCount, sourceBytes: copy.sourceByteCount,
      outputBytes: writer.tensorByteCount, bitsPerWeight: copy.bitsPerWeight, warnings: warnings)
    report.verification = verification
    try completion.finish(report, description(of: checkpoint, schemes), verification)
    return report
  }

  private func description(
    of checkpoint: Checkpoint, _ schemes: [String: QuantizationScheme]
  ) -> RunDescription {
    let architectures = checkpoint.configuration["architectures"]?.arrayValue
    return RunDescription(
      model: job.model.path(percentEncoded: false),
      architecture: architectures?.first?.stringValue ?? "unknown", scheme: options.schemeSummary,
      device: "cpu", instructionSet: "any", computeType: "f32", threadCount: ThreadTeam.size,
      blockCount: 0, iterations: 0,
      searchesScales: options.searchesScales(in: schemes), batchSize: 0,
      learningRate: "none", sampleCount: 0,
      sequenceLength: 0, calibrationHash: "none", calibrationExcerpt: "", seed: options.seed)
  }
}
