import CPU
public import Calibration
import Checkpoints
import Compute
import Diagnostics
public import Execution
public import Foundation
import LanguageModels
public import Outputs
import Recipes
public import Recordings
public import Reporting
import Synchronization
import Tensors

/// The quantization of one checkpoint: what it is made from, how, and where it goes.
///
/// ```swift
/// var job = QuantizationJob(model: model, modifier: modifier, output: output)
/// job.dataset = CalibrationSource(file: calibration)
/// let plan = try job.plan()
/// if plan.shortages.isEmpty { try job.run() }
/// ```
///
/// Jobs run one at a time in a process, because they share its threads: one that begins while another runs waits
/// until that has ended.
public struct QuantizationJob: Sendable {
  /// A Hugging Face checkpoint folder in full precision.
  public var model: URL
  /// What is to be done.
  public var modifier: any Modifier
  /// The folder to write; it appears when it is complete. A plan may do without.
  public var output: URL?
  /// The calibration text.
  public var dataset = CalibrationSource.builtin
  /// What makes text of conversations among the calibration data.
  public var chatTemplate = ChatTemplateChoice.model
  /// Whether a checkpoint that is there may be replaced.
  public var overwrite = false
  /// The type of the matrix products.
  public var compute = ComputeType.automatic
  /// Threads to use; nil: one for each processor.
  public var threads: Int?
  /// Whether what an earlier run has left is thrown away; otherwise a run with the same arguments goes on after
  /// the last block that is finished, and ends with the same bytes as one that was never cut off.
  public var restart = false
  /// Whether to begin although the disk or the memory do not suffice by the plan.
  public var ignoresLimits = false
  /// What the run may take; nil: most of what is free. Hidden states of calibration samples that do not fit
  /// are kept in a file without a name in `<output>.partial`. A block of experts that does not fit into a budget that
  /// is given is tuned in portions, which takes longer.
  public var memoryBudget: MemoryBudget?
  /// The formats that are written, from one tuning; where there are several, each in a folder of the output that has its
  /// name.
  public var formats = [OutputFormat.compressedTensors]
  /// Most bytes of tensors in one file; a tensor that is larger has a file of its own.
  public var shardByteCountLimit = CheckpointPlan.usualShardByteCountLimit
  /// What is written about the run beside the checkpoint, and on how much its result is measured.
  public var reporting = RunReporting()
  /// Makes what computes; by default the processor.
  package var makeDevice: @Sendable (ComputeType) throws -> any TuningDevice =
    CPUDevice.init(compute:)
  /// What the process takes before it works; nil: what it takes now.
  package var processByteCount: Int?

  /// A job with defaults for all that is not given.
  public init(model: URL, modifier: any Modifier, output: URL? = nil) {
    self.model = model
    self.modifier = modifier
    self.output = output
  }

  /// Says what ``run(observer:)`` will do and take, from the headers of the source's files. It waits until no other
  /// job runs.
  ///
  /// - Parameter measuresTime: Whether a block is tuned for a few seconds to know how long all take.
  /// - Throws: `InputError`, which names the file and the field that is at fault.
  public func plan(measuresTime: Bool = true) throws -> RunPlan {
    try inTurn {
      let options = modifier.options
      let warnings = WarningLog(nil)
      let survey = try Survey(opening: model, options, warnings)
      let length = try survey.model.map(options.tokensOfSample) ?? 0
      let run = try Preparation(
        self, survey, sampleCount: options.sampleCount, tokenCount: length,
        scratchFolder: (output ?? model).path(percentEncoded: false), ignoresLimits: false)
      var plan = try RunPlan(run)
      plan.warnings = warnings.texts + plan.warnings
      if let (setup, placement) = run.calibration {
        if let remark = placement.remark { plan.warnings.append(remark) }
        if measuresTime {
          plan.time = try TimeEstimate.measure(
            setup, run.table, modifier,
            heldOutTokenCount: length * heldOutCount(sequenceLength: length))
        }
      }
      plan.freeDiskByteCount = output.flatMap {
        OutputFile.freeByteCount($0.path(percentEncoded: false))
      }
      return plan
    }
  }

  /// Quantizes the checkpoint, and returns when it is in its place.
  ///
  /// With 0 iterations a model of an architecture that is not known is rounded without being run: which of its
  /// tensors are weights of linear layers is then told by their names and shapes.
  ///
  /// - Parameter observer: Told what happens while it happens.
  /// - Returns: What was done to each block, and what came out.
  /// - Throws: `InputError`, which names the file and the field that is at fault; ``RunInterruption`` if
  ///   the observer wants the run to stop. Blocks that are finished by then are kept in `<output>.partial`.
  @discardableResult
  public func run(observer: (any RunObserver)? = nil) throws -> RunReport {
    guard let output else {
      throw InputError(.missing, place: "output", "is missing; expected the folder to write")
    }
    return try inTurn(observer) { try QuantizationRun(self, to: output, observer).run() }
  }

  /// Refuses numbers that have no meaning. Those of the modifier's options were checked when these were made.
  private func check() throws(InputError) {
    for (name, value, range) in [
      ("threads", threads ?? 1, 1...ThreadTeam.sizeLimit),
      ("reporting.heldOutTokenCount", reporting.heldOutTokenCount, 0...1 << 30),
      ("memoryBudget.byteCount", memoryBudget?.byteCount ?? 1, 1...Int.max),
      ("shardByteCountLimit", shardByteCountLimit, 1...Int.max),
    ] where !range.contains(value) {
      throw InputError(
        .invalidValue,
        "\(name) must be a whole number from \(range.lowerBound) to \(range.upperBound); it is \(value)"
      )
    }
  }

  /// What a model is calibrated on, with the samples that the result will be measured on kept apart.
  func calibrationData(for model: SourceModel, in survey: Survey) throws -> CalibrationData {
    let options = modifier.options
    let length = try options.tokensOfSample(for: model)
    return try CalibrationData(
      dataset,
      coding: TextCoding(survey.checkpoint.tokenizer(), template: chatTemplate) {
        try survey.checkpoint.chatFormat(file: $0, advice: $1)
      },
      sampleCount: options.sampleCount, sequenceLength: length,
      vocabularySize: model.description.vocabularySize,
      heldOutCount: heldOutCount(sequenceLength: length), settings: options.calibrationSettings)
  }

  /// Samples that the result will be measured on.
  func heldOutCount(sequenceLength: Int) -> Int {
    HeldOutText.sampleCount(
      tokenCount: reporting.heldOutTokenCount, besides: modifier.options.sampleCount,
      sequenceLength: sequenceLength)
  }

  /// Held by the job that runs or plans, on the thread ``holder``.
  private static let turn = NSLock()
  private static let holder = Mutex<ObjectIdentifier?>(nil)

  /// Calls `body` when no other job runs, on as many threads as were asked for.
  ///
  /// - Throws: ``RunInterruption`` if the observer wants to wait no longer.
  func inTurn<Result>(
    _ observer: (any RunObserver)? = nil, _ body: () throws -> Result
  ) throws -> Result {
    try check()
    guard Self.holder.withLock({ $0 != ObjectIdentifier(Thread.current) }) else {
      throw InputError(
        .invalidValue, place: "job",
        "is started by an observer of another job, which would wait for it")
    }
    while !Self.turn.lock(before: Date(timeIntervalSinceNow: 0.1)) {
      if observer?.wantsStop == true { throw RunInterruption(finishedBlocks: 0, blockCount: 0) }
    }
    Self.holder.withLock { $0 = ObjectIdentifier(Thread.current) }
    let before = ThreadTeam.size
    if let threads { ThreadTeam.size = threads }
    defer {
      ThreadTeam.size = before
      Self.holder.withLock { $0 = nil }
      Self.turn.unlock()
    }
    return try body()
  }
}
