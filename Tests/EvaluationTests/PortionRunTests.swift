import AutoRound
import Checkpoints
import Diagnostics
import Foundation
import Tensors
import TestSupport
import Testing

/// Runs whose blocks of experts are tuned in portions, because the memory budget asks for it.
///
/// The first block of the tiny model has eight experts, the second none.
@Suite struct PortionRunTests {
  private static let iterations = 30

  /// A run on the tiny model, into a folder of its own.
  private func job(
    _ name: String, _ scheme: String, in folder: URL, budget: Int? = nil,
    _ set: (inout OptionOverrides) -> Void = { _ in }
  ) throws -> QuantizationJob {
    let own = folder.appending(path: name)
    var job = try FamilyRun(
      "qwen3-moe", scheme: scheme, in: own.appending(path: "source")
    ).job
    // A size of the model's name that is the same for all: the source is named in the report alone.
    job.output = own.appending(path: "out")
    let overrides = OptionOverrides {
      $0.iterations = Self.iterations
      $0.expertTokenLimit = 0
      set(&$0)
    }
    job.modifier = AutoRoundModifier(try job.modifier.options.overriding(overrides))
    job.memoryBudget = budget.map { MemoryBudget(byteCount: $0) }
    job.processByteCount = 0
    return job
  }

  private func plan(_ job: QuantizationJob, budget: Int) throws -> RunPlan {
    var job = job
    job.memoryBudget = MemoryBudget(byteCount: budget)
    return try job.plan(measuresTime: false)
  }

  /// The least budget in a range that a condition on plans holds for; budgets that are refused do not fulfil it.
  private func leastBudget(
    _ job: QuantizationJob, where holds: (RunPlan) -> Bool
  ) throws -> Int {
    var (below, above) = (1, 1 << 30)
    while above - below > 1 {
      let middle = (below + above) / 2
      var isEnough = false
      do { isEnough = holds(try plan(job, budget: middle)) } catch let error as InputError {
        #expect(error.code == .invalidValue)
      }
      if isEnough { above = middle } else { below = middle }
    }
    return above
  }

  private func budget(_ job: QuantizationJob, portions: Int) throws -> Int {
    try leastBudget(job) { $0.portionCount <= portions }
  }

  private func files(_ name: String, in folder: URL) throws -> [Data] {
    try ["model.safetensors", "config.json", "recipe.yaml"].map {
      try Data(contentsOf: folder.appending(path: "\(name)/out/\($0)"))
    }
  }

  private func tensors(_ name: String, in folder: URL) throws -> [String: Tensor] {
    let checkpoint = try Checkpoint(opening: folder.appending(path: "\(name)/out"))
    return try Dictionary(
      uniqueKeysWithValues: checkpoint.tensorNames.map { ($0, try checkpoint.tensor($0)) })
  }

  @Test(arguments: ["W4A16", "NVFP4", "FP8"])
  func whatIsWrittenIsSound(scheme: String) throws {
    try withTemporaryFolder { folder in
      let whole = try job("whole", scheme, in: folder)
      let wholePlan = try whole.plan(measuresTime: false)
      #expect(wholePlan.portionCount == 1)
      let wholeReport = try whole.run()
      let wholeTensors = try tensors("whole", in: folder)
      var tuning = wholePlan.memory.tuning
      for (count, names) in [
        (2, ["all but experts", "experts 0 to 7"]),
        (3, ["all but experts", "experts 0 to 3", "experts 4 to 7"]),
      ] {
        let name = "\(count)"
        let budget = try budget(whole, portions: count)
        let job = try job(name, scheme, in: folder, budget: budget)
        let plan = try job.plan(measuresTime: false)
        #expect(plan.portionCount == count)
        #expect(plan.memory.tuning < tuning)
        #expect(plan.memory.block == wholePlan.memory.block)
        tuning = plan.memory.tuning
        #expect(
          plan.lines().contains {
            $0.hasPrefix("portions   ") && $0.contains("in \(count) portions")
          })
        let events = Events()
        let report = try job.run(observer: events)
        let findings = try #require(report.verification).findings
        #expect(findings.isEmpty, "\(findings)")
        let portions = report.blocks[0].portions
        #expect(portions.map(\.name) == names)
        #expect(portions.map(\.stepCount) == names.map { _ in Self.iterations })
        #expect(events.portions == names)
        let losses = report.blocks[0].losses
        #expect(losses.count == count * Self.iterations)
        for (index, portion) in portions.enumerated() {
          let own = losses[index * Self.iterations..<(index + 1) * Self.iterations]
          #expect(portion.initialLoss == own.first)
          #expect(portion.bestLoss == own.min())
          #expect(own[own.startIndex + portion.bestIteration] == portion.bestLoss)
        }
        #expect(losses[report.blocks[0].bestIteration] == report.blocks[0].bestLoss)
        #expect(report.blocks[1].portions.isEmpty)
        #expect(report.blocks[1].losses.count == Self.iterations)
        #expect(report.blocks[0].rtnLoss == wholeReport.blocks[0].rtnLoss)
        #expect(report.blocks[0].finalLoss <= report.blocks[0].rtnLoss)
        #expect(report.blocks[0].layers == wholeReport.blocks[0].layers)
        // Every expert is quantized, and tuned.
        let found = try tensors(name, in: folder)
        #expect(found.keys.sorted() == wholeTensors.keys.sorted())
        let rounded = try Self.rounded(in: folder, scheme, self)
        for expert in 0..<8 {
          let own = found.keys.filter { $0.hasPrefix("model.layers.0.mlp.experts.\(expert).") }
          #expect(own.count >= 6)
          #expect(own.contains { found[$0] != rounded[$0] }, "expert \(expert)")
        }
      }
    }
  }

  /// What plain rounding writes.
  private static func rounded(
    in folder: URL, _ scheme: String, _ tests: PortionRunTests
  ) throws -> [String: Tensor] {
    let name = "rounded"
    if !FileManager.default.fileExists(atPath: folder.appending(path: name).path) {
      _ = try tests.job(name, scheme, in: folder) {
        $0.iterations = 0
        $0.disablesOptimizedRounding = true
      }.run()
    }
    return try tests.tensors(name, in: folder)
  }

  /// With a budget that suffices, the result is that without a budget; with the least that does not, it is another.
  @Test func whatSufficesChangesNothing() throws {
    try withTemporaryFolder { folder in
      let free = try job("free", "W4A16", in: folder)
      let least = try budget(free, portions: 1)
      #expect(try plan(free, budget: least - 1).portionCount == 2)
      _ = try free.run()
      let report = try job("given", "W4A16", in: folder, budget: least).run()
      #expect(report.blocks.everySatisfies { $0.portions.isEmpty })
      #expect(try files("given", in: folder) == files("free", in: folder))
      _ = try job("less", "W4A16", in: folder, budget: least - 1).run()
      #expect(try files("less", in: folder) != files("free", in: folder))
    }
  }

  /// The same bytes twice, and where a run was cut off between.
  @Test(arguments: ["W4A16", "FP8"]) func theSameFromTheSameSeed(scheme: String) throws {
    try withTemporaryFolder { folder in
      let budget = try budget(job("plan", scheme, in: folder), portions: 3)
      let whole = try job("a", scheme, in: folder, budget: budget).run()
      let cut = try job("b", scheme, in: folder, budget: budget)
      #expect(throws: RunInterruption.self) { _ = try cut.run(observer: Stopper()) }
      var other = cut
      other.memoryBudget = nil
      let words = ["portions of a block", "was '3', now it is '1'"]
      expectInputError(.invalidValue, mentioning: words) { try other.run() }
      let continued = try cut.run()
      #expect(try files("a", in: folder) == files("b", in: folder))
      #expect(continued.blocks.map(\.portions) == whole.blocks.map(\.portions))
      #expect(continued.blocks.map(\.losses) == whole.blocks.map(\.losses))
      // Within a block, a run begins anew.
      let early = try job("c", scheme, in: folder, budget: budget)
      #expect(throws: RunInterruption.self) {
        _ = try early.run(observer: Events(stoppingInPortion: 1))
      }
      _ = try early.run()
      #expect(try files("a", in: folder) == files("c", in: folder))
    }
  }

  /// Others of the run's options beside portions.
  @Test func portionsOfAnyOptions() throws {
    try withTemporaryFolder { folder in
      func run(
        _ name: String, _ set: (inout OptionOverrides) -> Void
      ) throws -> RunReport {
        let budget = try budget(job("plan-\(name)", "W4A16", in: folder, set), portions: 3)
        let report = try job(name, "W4A16", in: folder, budget: budget, set).run()
        let findings = try #require(report.verification).findings
        #expect(findings.isEmpty, "\(findings)")
        return report
      }
      for report in [
        try run("momentum") { $0.momentum = 0.9 }, try run("v2") { $0.algorithm = .signRoundV2 },
      ] {
        #expect(report.blocks[0].portions.count == 3)
        #expect(report.blocks[0].finalLoss <= report.blocks[0].rtnLoss)
      }
      // Experts that are rounded take no steps.
      let rare = try run("rare") { $0.expertTokenLimit = 1000 }
      #expect(rare.blocks[0].portions.map(\.name) == ["all but experts"])
      #expect(rare.blocks[0].losses.count == Self.iterations)
      #expect(rare.blocks[0].experts?.rounded.count == 8)
      // There is no portion without layers.
      let experts = try run("experts") { $0.ignore = ["lm_head", "re:.*self_attn.*"] }
      #expect(
        experts.blocks[0].portions.map(\.name) == [
          "experts 0 to 1", "experts 2 to 4", "experts 5 to 7",
        ])
    }
  }

  /// Portions are of an expert each at the least; what does not suffice for them is refused, with what does.
  @Test func whatSufficesForNoCutIsRefused() throws {
    try withTemporaryFolder { folder in
      let job = try job("a", "W4A16", in: folder)
      let least = try leastBudget(job) { _ in true }
      // The block without experts decides before each portion is one expert.
      #expect(try plan(job, budget: least).portionCount > 1)
      #expect(try least < budget(job, portions: 1))
      expectInputError(
        .invalidValue,
        mentioning: ["memoryBudget", "even in 9 portions", Quantities.bytes(least), "batchSize"]
      ) { try plan(job, budget: least - 1) }
      // Blocks without experts, and what is only rounded, are not cut.
      let rounding = try self.job("b", "W4A16", in: folder) { $0.iterations = 0 }
      let enough = try leastBudget(rounding) { _ in true }
      #expect(try plan(rounding, budget: enough).portionCount == 1)
    }
  }

  /// Notes the portions that begin.
  private final class Events: RunObserver {
    private(set) var portions: [String] = []
    private let last: Int?

    init(stoppingInPortion last: Int? = nil) { self.last = last }

    var wantsStop: Bool { last.map { portions.count > $0 } ?? false }
    func observe(_ event: RunEvent) {
      guard case .portionStarted(let index, _, let name) = event else { return }
      #expect(index == portions.count)
      portions.append(name)
    }
  }
}
