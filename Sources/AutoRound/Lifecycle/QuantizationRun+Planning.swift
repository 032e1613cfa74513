import Checkpoints
public import Compute
import Diagnostics
public import Foundation
import Tensors

extension QuantizationRun {
  /// What the run will do and take, from the headers of the source's files alone.
  ///
  /// - Parameter measuresTime: Whether a block is tuned for a few seconds to know how long all take.
  func plan(measuresTime: Bool) throws -> RunPlan {
    if let threads { ThreadTeam.size = threads }
    let source = try SourceModel(opening: model)
    let options = modifier.options
    let length = try options.sequenceLength(for: source)
    // Nothing is calibrated, so what the samples hold does not matter, only how many there are.
    let calibration = try CalibrationData(
      samples: Array(repeating: Array(repeating: 0, count: length), count: options.sampleCount),
      sequenceLength: length)
    let state = SessionState(
      model: source, device: try Device(compute: compute), calibration: calibration, observer: nil)
    try modifier.initialize(state)
    let copy = try QuantizedCopy(
      of: source, schemes: state.schemes, keyValueScheme: state.keyValueScheme)
    var plan = try RunPlan(
      model: model.path(percentEncoded: false), state: state, copy: copy, options: options)
    let placement = try StreamPlacement(
      state, batchSize: options.batchSize, need: plan.memory, budget: memoryBudget ?? .available,
      scratchFolder: output.path(percentEncoded: false), ignoresLimits: false)
    plan.memory.streams -= placement.scratchByteCount
    plan.scratchByteCount += placement.scratchByteCount
    if let remark = placement.remark { plan.warnings.append(remark) }
    if measuresTime {
      let heldOut =
        length
        * reporting.heldOutSampleCount(sampleCount: options.sampleCount, sequenceLength: length)
      plan.time = try TimeEstimate(measuring: state, options, heldOutTokenCount: heldOut)
    }
    return plan
  }
}

extension RunPlan {
  /// Plans what `oneshot` with the same arguments will do.
  ///
  /// - Parameters:
  ///   - model: A Hugging Face checkpoint folder in full precision.
  ///   - modifier: What is to be done.
  ///   - output: The folder that is to be written, of whose disk the plan then says what is free.
  ///   - compute: The type of the matrix products.
  ///   - threads: Threads to use; nil: one for each processor.
  ///   - memoryBudget: What the run may take; nil: most of what is free.
  ///   - reporting: What will be measured at the end.
  ///   - measuresTime: Whether a block is tuned for a few seconds to know how long all take.
  /// - Throws: `InputError`, which names the file and the field that is at fault.
  public init(
    model: URL, modifier: AutoRoundModifier, output: URL? = nil, compute: ComputeType = .automatic,
    threads: Int? = nil, memoryBudget: MemoryBudget? = nil,
    reporting: RunReporting = RunReporting(), measuresTime: Bool = true
  ) throws {
    self = try choosingRun(model, modifier.options) {
      try QuantizationRun(
        model: model, modifier: modifier, dataset: .builtin, output: output ?? model,
        overwrite: false, compute: compute, threads: threads, restart: false,
        memoryBudget: memoryBudget, reporting: reporting
      ).plan(measuresTime: measuresTime)
    } modelFree: {
      try ModelFreeRun(
        model: model, options: modifier.options, output: output ?? model, overwrite: false,
        threads: threads
      ).plan()
    }
    freeDiskByteCount = output.flatMap {
      OutputFile.freeByteCount($0.path(percentEncoded: false))
    }
  }
}
