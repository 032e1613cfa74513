import CKernels
import Checkpoints
import Compute
import Diagnostics
import Foundation
import JSONText
import LanguageModels
import Quantization
import Tensors
import Tokenization

/// One run from a checkpoint to its quantized copy.
struct QuantizationRun {
  var model: URL
  var modifier: AutoRoundModifier
  var dataset: CalibrationSource
  var output: URL
  var overwrite: Bool
  var compute: ComputeType
  var threads: Int?
  var observer: (any RunObserver)?

  func run() throws -> RunReport {
    let started = ContinuousClock.now
    if let threads { ThreadTeam.size = threads }
    let source = try SourceModel(opening: model)
    let options = modifier.options
    let calibration = try CalibrationData(
      dataset, tokenizer: Tokenizer(folder: model), sampleCount: options.sampleCount,
      sequenceLength: try sequenceLength(of: source),
      vocabularySize: source.description.vocabularySize)

    let state = SessionState(
      model: source, device: try Device(compute: compute), calibration: calibration,
      observer: observer)
    let session = Session(state, modifiers: [modifier], batchSize: options.batchSize)
    try session.initialize()
    let copy = try QuantizedCopy(
      of: source, schemes: state.schemes, keyValueScheme: state.keyValueScheme)
    let writer = try CheckpointWriter(
      output: output, tensors: copy.tensors, sources: [model], overwrite: overwrite)
    do {
      observer?.observe(.started(description(of: state, options)))
      for warning in calibration.warnings { state.warn(warning) }
      state.deliverWeights { weight, module in
        for (name, tensor) in try copy.layout(of: module).tensors(for: weight, name: module) {
          try writer.write(tensor, named: name)
        }
      }
      state.deliverScales { scale, name in
        try writer.write(copy.tensor(ofScale: scale, named: name), named: name)
      }
      try session.run()
      try copy.writeTheRest(to: writer, recipe: options.recipe)
      try writer.finish()
    } catch {
      writer.discard()
      throw error
    }

    let report = RunReport(
      model: model.path(percentEncoded: false), output: output, blocks: state.blocks,
      seconds: (ContinuousClock.now - started).seconds,
      peakMemoryBytes: ProcessMemory.peakByteCount, sourceBytes: copy.sourceByteCount,
      outputBytes: writer.tensorByteCount, bitsPerWeight: copy.bitsPerWeight, droppedTensors: [],
      warnings: state.warnings)
    observer?.observe(.finished(report))
    return report
  }

  /// Tokens of a sample: as asked, or the default as far as the model has positions.
  private func sequenceLength(of source: SourceModel) throws -> Int {
    let length = modifier.options.sequenceLength
    let limit = source.description.maximumPositions
    guard length > limit else { return length }
    guard modifier.options.isSequenceLengthGiven else { return limit }
    throw InputError(
      .invalidValue, source: "--sequence-length",
      "found \(length), expected at most \(limit), the model's max_position_embeddings")
  }

  private func description(of state: SessionState, _ options: ResolvedOptions) -> RunDescription {
    let architectures = state.model.checkpoint.configuration["architectures"]?.arrayValue
    return RunDescription(
      model: model.path(percentEncoded: false),
      architecture: architectures?.first?.stringValue ?? "unknown",
      scheme: options.schemeSummary, device: "cpu", instructionSet: Self.instructionSet,
      computeType: compute.rawValue, threadCount: ThreadTeam.size,
      blockCount: state.model.description.blocks.count, iterations: options.iterations,
      batchSize: min(options.batchSize, state.calibration.samples.count),
      learningRate: options.learningRate.description,
      sampleCount: state.calibration.samples.count,
      sequenceLength: state.calibration.sequenceLength, calibrationHash: state.calibration.hash,
      calibrationExcerpt: state.calibration.excerpt, seed: options.seed)
  }

  private static var instructionSet: String {
    switch ck_isa_current() {
    case CK_ISA_AVX512: "avx512-bf16"
    case CK_ISA_AVX2: "avx2"
    default: "portable"
    }
  }
}
