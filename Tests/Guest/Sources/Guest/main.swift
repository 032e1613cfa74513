// Uses the library as a stranger does, with `import AutoRound` alone: plans, runs, cancels, continues, measures,
// verifies. Ends with an error if something is not as its documentation says.
//
//   Guest MODEL FOLDER    quantizes MODEL into FOLDER, which must not exist
import AutoRound
import Foundation

/// What was promised and not kept.
struct BrokenPromise: Error, CustomStringConvertible {
  var description: String
}

func expect(_ isTrue: Bool, _ promise: String) throws {
  guard isTrue else { throw BrokenPromise(description: promise) }
}

guard CommandLine.arguments.count == 3 else {
  throw BrokenPromise(description: "Guest MODEL FOLDER")
}
let model = URL(filePath: CommandLine.arguments[1])
let folder = URL(filePath: CommandLine.arguments[2])
try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)

// Options are values; a changed one is what runs and what is recorded.
let options = try ResolvedOptions(
  overrides: OptionOverrides {
    $0.iterations = 9
    $0.sampleCount = 8
    $0.sequenceLength = 64
  })
let changed = try options.overriding(
  OptionOverrides(ignore: ["lm_head", "re:.*down_proj"]) { $0.iterations = 2 })
try expect(options.iterations == 9 && changed.iterations == 2, "options do not change")
let recorded = try Recipe(changed.recipe.yaml).autoRoundOptions()
try expect(recorded.iterations == 2, "the recipe is that of the options")
try expect(recorded.ignore == changed.ignore, "the recipe is that of the options")
do {
  _ = try options.overriding(OptionOverrides { $0.iterations = -1 })
  throw BrokenPromise(description: "changed options are checked")
} catch let error as InputError {
  try expect(
    error.code == .invalidValue && !error.message.isEmpty, "errors have a code and a message")
}

var job = QuantizationJob(
  model: model, modifier: AutoRoundModifier(changed), output: folder.appending(path: "cancelled"))
job.compute = .float32
let plan = try job.plan(measuresTime: false)
try expect(
  plan.byteCount > 0 && plan.shortages.isEmpty, "a plan says what comes out, and that it fits")

// A task that is cancelled stops its run; the same job goes on where it was.
let (blocks, blockFinished) = AsyncStream.makeStream(of: String.self)
let task = Task { [job] in
  defer { blockFinished.finish() }
  return try await job.run { event in
    if case .blockFinished(let block) = event { blockFinished.yield(block.name) }
  }
}
for await _ in blocks { task.cancel() }
do {
  _ = try await task.value
  throw BrokenPromise(description: "a cancelled task stops its run")
} catch let interruption as RunInterruption {
  try expect(interruption.finishedBlocks > 0, "an interruption counts the blocks that are kept")
}

/// How many blocks an earlier run had finished.
final class ResumedBlocks: RunObserver {
  var count = 0
  func observe(_ event: RunEvent) {
    if case .resumed(let blocks) = event { count = blocks.count }
  }
}
let resumed = ResumedBlocks()
try job.run(observer: resumed)
try expect(resumed.count > 0, "a run goes on after the blocks that are finished")

// The same in one go gives the same bytes.
let whole = folder.appending(path: "whole")
var again = job
again.output = whole
let second = try again.run()
for name in ["model.safetensors", "config.json", "recipe.yaml"] {
  let files = [folder.appending(path: "cancelled"), whole].map {
    FileManager.default.contents(atPath: $0.appending(path: name).path(percentEncoded: false))
  }
  try expect(files[0] != nil && files[0] == files[1], "\(name) has the same bytes")
}
let quality = second.quality
try expect(quality?.comparison?.rounded != nil, "every run measures its result")

/// A rule of a guest's own: to nearest, in nine tenths of the range.
struct Clipped: Modifier {
  let options: ResolvedOptions

  func quantize(_ layer: LayerView, using data: LayerData) throws -> QuantizedWeight {
    try expect(data.importance?.count == layer.grouping.columns, "calibration finds importances")
    let weights = layer.weight.floats()
    let grouping = layer.grouping
    var scales = [Float](repeating: 1e-6, count: grouping.parameterCount)
    for index in weights.indices {
      let group = index % grouping.columns / grouping.groupSize
      let parameter = grouping.parameter(row: index / grouping.columns, group: group)
      scales[parameter] = max(scales[parameter], 0.9 * weights[index].magnitude / 7.5)
    }
    let codes = weights.indices.map { index in
      let group = index % grouping.columns / grouping.groupSize
      let scale = scales[grouping.parameter(row: index / grouping.columns, group: group)]
      return UInt8(min(max((weights[index] / scale).rounded() + 8, 0), 15))
    }
    return try layer.quantizedWeight(codes: codes, scales: scales)
  }
}
let clipped = try oneshot(
  model: model, modifier: Clipped(options: changed), output: folder.appending(path: "clipped"))
try expect(
  clipped.quality != nil && clipped.blocks.count == 6
    && !clipped.blocks.contains { $0.finalLoss == $0.rtnLoss },
  "a guest's own rule rounds, and is measured")

let evaluation = try Evaluation(model: whole, reference: model).run(onWindows: [Array(0..<64)])
try expect(evaluation.perplexity.isFinite, "a checkpoint can be evaluated")
let verification = Verifier(whole, source: model).run()
try expect(verification.findings.isEmpty, "what a run has written is sound")
try expect(verification.quantizedLayerCount > 0, "layers are counted")
print("all promises are kept; perplexity on held-out text \(quality?.perplexity ?? .nan)")
