import AutoRound
import Foundation
import Synchronization
import TestSupport
import Testing

/// Runs of modifiers that are not this package's own.
@Suite struct ModifierTests {
  /// The defaults, with notes of when they were asked.
  private final class Defaults: Modifier {
    let options: ResolvedOptions
    let stages = Mutex<[String]>([])

    init(_ options: ResolvedOptions) { self.options = options }

    private func note(_ stage: String) { stages.withLock { $0.append(stage) } }

    func initialize(_ survey: Survey) throws -> SchemeTable {
      note("initialize")
      return try survey.schemes(by: options)
    }
    func start(_ schemes: SchemeTable) throws -> CalibrationNeeds {
      note("start")
      return CalibrationNeeds(gradients: false, importance: true)
    }
    func sequentialEpochEnd(_ unit: TuningUnit) throws -> UnitResult {
      note(unit.name)
      return try unit.quantize(with: quantize)
    }
    func end(_ blocks: [BlockReport]) throws -> [String] {
      note("end \(blocks.count)")
      return ["told at the end"]
    }
    func finalize(_ report: RunReport) throws { note("finalize") }
  }

  /// A rule by which something is wrong.
  private struct Rule: Modifier {
    let options: ResolvedOptions
    var table: @Sendable (Survey) throws -> SchemeTable
    var rule: @Sendable (LayerView) throws -> QuantizedWeight

    init(
      _ options: ResolvedOptions,
      _ rule: @escaping @Sendable (LayerView) throws -> QuantizedWeight = { try $0.rounded() },
      table: (@Sendable (Survey) throws -> SchemeTable)? = nil
    ) {
      self.options = options
      self.table = table ?? { try $0.schemes(by: options) }
      self.rule = rule
    }

    func initialize(_ survey: Survey) throws -> SchemeTable { try table(survey) }
    func quantize(_ layer: LayerView, using data: LayerData) throws -> QuantizedWeight {
      try rule(layer)
    }
  }

  private func options(_ scheme: String, isModelFree: Bool = false) throws -> ResolvedOptions {
    try ResolvedOptions(
      overrides: OptionOverrides(scheme: scheme) {
        $0.iterations = 0
        $0.sampleCount = 4
        $0.sequenceLength = 16
        $0.isModelFree = isModelFree
      })
  }

  private func run(_ modifier: any Modifier, on model: URL, to output: URL) throws -> RunReport {
    var job = QuantizationJob(model: model, modifier: modifier, output: output)
    job.compute = .float32
    job.reporting.heldOutTokenCount = 0
    let file = output.deletingLastPathComponent().appending(path: "ids.jsonl")
    let records = TinyCheckpoint.windows(4, tokens: 16, seed: 5).map { "{\"input_ids\": \($0)}\n" }
    try records.joined().write(to: file, atomically: true, encoding: .utf8)
    job.dataset = try CalibrationSource(file: file)
    return try job.run()
  }

  @Test(arguments: ["W4A16", "W2A16_ASYM", "W8A8", "FP8_BLOCK", "MXFP4A16", "NVFP4A16"])
  func theDefaultsRoundLikeNoIterations(scheme: String) throws {
    try TinyCheckpoint.withSource { source, folder in
      for isModelFree in [false, true] {
        let options = try options(scheme, isModelFree: isModelFree)
        let names = ["defaults", "auto-round"].map { "\($0)-\(isModelFree)" }
        let outputs = names.map { folder.appending(path: $0) }
        let modifier = Defaults(options)
        let report = try run(modifier, on: source, to: outputs[0])
        let expected = try run(AutoRoundModifier(options), on: source, to: outputs[1])
        for file in ["model.safetensors", "config.json", "recipe.yaml"] {
          let bytes = try outputs.map { try Data(contentsOf: $0.appending(path: file)) }
          #expect(bytes[0] == bytes[1], "\(scheme): \(file)")
        }
        #expect(report.blocks.map(\.name) == expected.blocks.map(\.name))
        for (block, other) in zip(report.blocks, expected.blocks) {
          // The numbers of a weight are multiplied from its codes here, in another order.
          #expect(abs(block.finalLoss - other.finalLoss) <= 1e-6 * other.finalLoss)
        }
        #expect(report.warnings.contains("told at the end"))
        // The order of LLM Compressor: initialize, start, an end for each block, end, finalize.
        let stages = modifier.stages.withLock { $0 }
        let units = stages.filter { $0.hasPrefix("model.") }
        #expect(units.first == (isModelFree ? "model.layers.0.mlp.down_proj" : "model.layers.0"))
        #expect(
          stages == ["initialize"] + (isModelFree ? [] : ["start"]) + units
            + ["end \(report.blocks.count)", "finalize"])
      }
    }
  }

  @Test func aTableCanBeChanged() throws {
    try TinyCheckpoint.withSource { source, folder in
      let layer = "model.layers.0.mlp.up_proj"
      let options = try options("W8A16")
      let modifier = Rule(
        options,
        table: { survey in
          var table = try survey.schemes(by: options)
          table[layer] = nil
          return table
        })
      let report = try run(modifier, on: source, to: folder.appending(path: "out"))
      #expect(report.blocks.first?.layers.contains("mlp.up_proj") == false)
      #expect(report.blocks.first?.layers.contains("mlp.down_proj") == true)
      expectInputError(.invalidValue, mentioning: ["model.norm", "no linear layer"]) {
        try run(
          Rule(
            options,
            table: { survey in
              var table = try survey.schemes(by: options)
              table["model.norm"] = table[layer]
              return table
            }), on: source, to: folder.appending(path: "other"))
      }
    }
  }

  /// A unit that was quantized has handed its outputs on; another rule would begin on these.
  @Test func aUnitIsQuantizedOnce() throws {
    struct Twice: Modifier {
      let options: ResolvedOptions
      func sequentialEpochEnd(_ unit: TuningUnit) throws -> UnitResult {
        _ = try unit.quantize(with: quantize)
        return try unit.quantize(with: quantize)
      }
    }
    try TinyCheckpoint.withSource { source, folder in
      let modifier = Twice(options: try options("W4A16"))
      expectInputError(.invalidValue, mentioning: ["model.layers.0", "once"]) {
        try run(modifier, on: source, to: folder.appending(path: "out"))
      }
    }
  }

  /// What a modifier is set to decides whether it may go on with another's run.
  @Test func settingsAreAPartOfTheIdentity() throws {
    struct Clipped: Modifier {
      let options: ResolvedOptions
      var share: Float
    }
    let options = try options("W4A16")
    #expect(
      [0.9, 0.8].map { Clipped(options: options, share: $0).identity } == [
        "Clipped(share: 0.9)", "Clipped(share: 0.8)",
      ])
    #expect(AutoRoundModifier(options).identity == "AutoRoundModifier")
  }

  /// A job that waits for another can be stopped.
  @Test func whoWaitsForItsTurnCanBeStopped() throws {
    try TinyCheckpoint.withSource { source, folder in
      let modifier = Rule(try options("W8A16", isModelFree: true))
      let outputs = ["first", "second"].map { folder.appending(path: $0) }
      let waiting = QuantizationJob(model: source, modifier: modifier, output: outputs[1])
      let observer = Starter(waiting)
      try QuantizationJob(model: source, modifier: modifier, output: outputs[0])
        .run(observer: observer)
      #expect(
        observer.interruption.withLock { $0 } == RunInterruption(finishedBlocks: 0, blockCount: 0))
      #expect(!FileManager.default.fileExists(atPath: outputs[1].path))
    }
  }

  /// Starts another job with the first unit, and waits for it.
  private final class Starter: RunObserver, Sendable {
    private let job: QuantizationJob
    let interruption = Mutex<RunInterruption?>(nil)

    init(_ job: QuantizationJob) { self.job = job }

    func observe(_ event: RunEvent) {
      guard case .blockStarted(0, _, _) = event else { return }
      let ended = DispatchSemaphore(value: 0)
      Thread.detachNewThread { [self] in
        do {
          try job.run(observer: Stopped())
        } catch {
          interruption.withLock { $0 = error as? RunInterruption }
        }
        ended.signal()
      }
      ended.wait()
    }
  }

  /// Wants a run to stop from its beginning.
  private final class Stopped: RunObserver {
    func observe(_ event: RunEvent) {}
    var wantsStop: Bool { true }
  }

  /// What a rule may hand over by mistake, and what the error says.
  @Test(arguments: 0..<6)
  func whatHasNoPlaceInTheSchemeIsRefused(_ mistake: Int) throws {
    let mistakes:
      [(scheme: String, words: String, rule: @Sendable (LayerView) throws -> QuantizedWeight)] = [
        ("W8A16", "codes", { try $0.quantizedWeight(codes: [1], scales: []) }),
        ("W8A16", "scales", { try $0.quantizedWeight(codes: Self.zeros($0), scales: [1, 2]) }),
        (
          "W8A16", "scales",
          { try $0.quantizedWeight(codes: Self.zeros($0), scales: Self.scales($0, .nan)) }
        ),
        (
          "W8A16", "zeroPoints",
          {
            try $0.quantizedWeight(
              codes: Self.zeros($0), scales: Self.scales($0, 1), zeroPoints: [0])
          }
        ),
        (
          "MXFP4A16", "at most 15",
          {
            try $0.quantizedWeight(
              codes: Self.zeros($0).map { _ in 16 }, scales: Self.scales($0, 1))
          }
        ),
        (
          "FP8_DYNAMIC", "NaN",
          {
            try $0.quantizedWeight(
              codes: Self.zeros($0).map { _ in 127 }, scales: Self.scales($0, 1))
          }
        ),
      ]
    let (scheme, words, rule) = mistakes[mistake]
    try TinyCheckpoint.withSource { source, folder in
      let modifier = Rule(try options(scheme), rule)
      let output = folder.appending(path: "out")
      let error = #expect(throws: InputError.self) { try run(modifier, on: source, to: output) }
      #expect(error?.description.contains("model.layers.0.self_attn.q_proj") == true)
      #expect(error?.description.contains(words) == true, "\(error?.description ?? "")")
      #expect(!FileManager.default.fileExists(atPath: output.path))
    }
  }

  private static func zeros(_ layer: LayerView) -> [UInt8] {
    Array(repeating: 0, count: layer.grouping.rows * layer.grouping.columns)
  }

  private static func scales(_ layer: LayerView, _ scale: Float) -> [Float] {
    Array(repeating: scale, count: layer.grouping.parameterCount)
  }

  @Test func aWeightOfAnotherLayerIsRefused() throws {
    try TinyCheckpoint.withSource { source, folder in
      let keeper = Keeper()
      let modifier = Rule(try options("W8A16")) { layer in
        keeper.first(try layer.rounded())
      }
      expectInputError(.invalidValue, mentioning: ["model.layers.0", "another scheme or shape"]) {
        try run(modifier, on: source, to: folder.appending(path: "out"))
      }
    }
  }

  /// Keeps the first weight that it sees.
  private final class Keeper: Sendable {
    private let weight = Mutex<QuantizedWeight?>(nil)

    func first(_ new: QuantizedWeight) -> QuantizedWeight {
      weight.withLock { kept in
        if kept == nil { kept = new }
        return kept ?? new
      }
    }
  }
}
