import Checkpoints
import Compute
import Execution
import Foundation
import JSONText
import LanguageModels
import Recipes

/// A run that is decided: what each layer becomes, what is written, and what that takes. Nothing is computed for it.
struct Preparation {
  let model: String
  let options: ResolvedOptions
  let survey: Survey
  let table: SchemeTable
  /// What is written: a copy in each format that was asked for.
  let copies: [QuantizedCopy]
  /// Most bytes of tensors in one file of them.
  let shardByteCountLimit: Int
  /// How the model is run, and where its hidden states are kept; nil where it is not run.
  let calibration: (setup: CalibrationSetup, placement: StreamPlacement)?
  let memory: MemoryEstimate

  /// - Parameters:
  ///   - sampleCount: Samples that the model is calibrated on.
  ///   - tokenCount: Tokens of each.
  ///   - scratchFolder: Where hidden states may be kept that memory has no room for.
  init(
    _ job: QuantizationJob, _ survey: Survey, sampleCount: Int, tokenCount: Int,
    scratchFolder: String, ignoresLimits: Bool
  ) throws {
    model = job.model.path(percentEncoded: false)
    options = job.modifier.options
    self.survey = survey
    var table = try job.modifier.initialize(survey)
    try survey.check(table)
    try OutputFormat.requireDistinct(job.formats)
    let fitted = try job.formats.fitted(
      table.layers, to: job.modifier.options.scheme, of: job.model)
    table.layers = fitted.schemes
    for remark in fitted.remarks { survey.warn(remark) }
    self.table = table
    let keyValues = table.keysAndValues
    shardByteCountLimit = job.shardByteCountLimit
    let styles = CopyStyle.styles(of: job.formats, shardByteCountLimit: shardByteCountLimit)
    guard let source = survey.model else {
      copies = try styles.map { style in
        try QuantizedCopy(
          of: survey.checkpoint, modules: survey.modules + survey.tiedHeads,
          layers: survey.stackedLayers, names: survey.loadedNames, schemes: fitted.schemes,
          style: style, file: fitted.file)
      }
      for layer in table.layers.keys {
        try survey.checkpoint.requireWeightType(copies[0].source.file(of: "\(layer).weight"))
      }
      for remark in copies.flatMap(\.contents.remarks) { survey.warn(remark) }
      calibration = nil
      memory = try MemoryEstimate(rounding: table, of: copies[0].source)
      return
    }
    copies = try styles.map { style in
      try QuantizedCopy(
        of: source, schemes: fitted.schemes, keyValueScheme: keyValues, style: style,
        file: fitted.file)
    }
    for remark in copies.flatMap(\.contents.remarks) { survey.warn(remark) }
    let needs = try job.modifier.start(table)
    let device = try job.makeDevice(job.compute)
    var setup = try CalibrationSetup(
      model: source, options: options, needs: needs, device: device,
      gradientPrecision: options.gradientPrecision(
        for: device.compute, hiddenSize: source.description.hiddenSize),
      sampleCount: sampleCount, tokenCount: tokenCount)
    let windows = job.heldOutCount(sequenceLength: tokenCount)
    try setup.requireSupport(table, isMeasured: windows > 0)
    let process = job.processByteCount ?? MemoryEstimate.currentProcess
    let estimates = try MemoryEstimates(
      setup, table, copies[0].source, windows: windows, process: process)
    func place(_ need: MemoryEstimate, ignoresLimits: Bool) throws(InputError) -> StreamPlacement {
      try StreamPlacement(
        setup, need: need, budget: job.memoryBudget ?? .available, scratchFolder: scratchFolder,
        ignoresLimits: ignoresLimits)
    }
    setup.portionCount = estimates.fewestPortions { need in
      var need = need
      // What decides about results must not follow how large the process happens to be: it counts in whole steps.
      let step = MemoryEstimate.processStep
      need.process += (process + step - 1) / step * step - process
      return (try? place(need, ignoresLimits: false)) != nil
    }
    memory = estimates[setup.portionCount]
    calibration = (setup, try place(memory, ignoresLimits: ignoresLimits))
  }

  /// The first of the copies, which stands for all in what does not depend on the format.
  var copy: QuantizedCopy { copies[0] }

  /// The architecture that the source's configuration names.
  var architecture: String {
    let names = survey.checkpoint.configuration["architectures"]?.arrayValue
    return names?.first?.stringValue ?? "unknown"
  }

  /// The units of tuning by name: the blocks, and a head that is quantized; or each layer.
  var unitNames: [String] {
    guard let description = survey.model?.description else { return table.layers.keys.sorted() }
    return description.blocks.map(\.name) + (quantizesHead ? [description.headModule] : [])
  }

  /// Positions of the units that have something to quantize.
  var tunedUnits: [Int] {
    guard let blocks = survey.model?.description.blocks else { return Array(unitNames.indices) }
    return blocks.indices.filter { table.quantizes(blocks[$0]) }
      + (quantizesHead ? [blocks.count] : [])
  }

  /// Whether the head of a model that is run is quantized.
  var quantizesHead: Bool {
    survey.model.map { table[$0.description.headModule] != nil } ?? false
  }
}
