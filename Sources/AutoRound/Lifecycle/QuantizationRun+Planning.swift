import Calibration
import Checkpoints
import Compute
import Diagnostics
import Execution
import Foundation
import Recipes
import Reporting
import Tensors

extension QuantizationRun {
  /// What the run will do and take, from the headers of the source's files alone.
  ///
  /// - Parameter measuresTime: Whether a block is tuned for a few seconds to know how long all take.
  func plan(measuresTime: Bool) throws -> RunPlan {
    let source = try SourceModel(opening: job.model)
    let options = job.modifier.options
    let length = try options.tokensOfSample(for: source)
    // Nothing is calibrated, so what the samples hold does not matter, only how many there are.
    let calibration = try CalibrationData(
      samples: Array(repeating: Array(repeating: 0, count: length), count: options.sampleCount),
      sequenceLength: length)
    let state = SessionState(
      model: source, device: try CPUDevice(compute: job.compute), calibration: calibration,
      observer: nil)
    try job.modifier.initialize(state)
    let copy = try QuantizedCopy(
      of: source, schemes: state.schemes, keyValueScheme: state.keyValueScheme)
    var plan = try RunPlan(
      model: job.model.path(percentEncoded: false), state: state, copy: copy, options: options)
    let placement = try StreamPlacement(
      state, batchSize: options.batchSize, need: plan.memory,
      budget: job.memoryBudget ?? .available,
      scratchFolder: (job.output ?? job.model).path(percentEncoded: false), ignoresLimits: false)
    plan.memory.streams -= placement.scratchByteCount
    plan.scratchByteCount += placement.scratchByteCount
    if let remark = placement.remark { plan.warnings.append(remark) }
    if measuresTime {
      plan.time = try TimeEstimate(
        measuring: state, options,
        heldOutTokenCount: length * heldOutCount(sequenceLength: length))
    }
    return plan
  }
}
