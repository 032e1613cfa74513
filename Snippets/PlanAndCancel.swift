// Says what a run would take, begins it in a task, and cancels the task after its first block.
//
// Run it from the root of the package: swift run -c release PlanAndCancel
import AutoRound
import Foundation

/// Ends a run when its task is cancelled, and says when a block is done.
final class TaskObserver: RunObserver {
  private let blockFinished: @Sendable (String) -> Void

  init(blockFinished: @escaping @Sendable (String) -> Void) { self.blockFinished = blockFinished }

  func observe(_ event: RunEvent) {
    if case .blockFinished(let block) = event { blockFinished(block.name) }
  }

  /// Asked on the thread of the run, which is the task's own.
  var wantsStop: Bool { Task.isCancelled }
}

let model = URL(filePath: "Examples/books-llama-6m")
let output = URL(filePath: "out/books-llama-6m-cancelled")
let options = try ResolvedOptions(
  overrides: OptionOverrides(iterations: 4, sampleCount: 16, sequenceLength: 128),
  recipe: nil, preset: .default)

let plan = try RunPlan(model: model, modifier: AutoRoundModifier(options))
print("bytes of the result", plan.byteCount, "memory", plan.memory.byteCount)
if let time = plan.time { print("seconds", time.seconds, "busy machine", time.isOnBusyMachine) }
for shortage in plan.shortages { print("does not fit:", shortage) }

let (blocks, continuation) = AsyncStream.makeStream(of: String.self)
let run = Task.detached {
  defer { continuation.finish() }
  return try oneshot(
    model: model, modifier: AutoRoundModifier(options), output: output, overwrite: true,
    restart: true, observer: TaskObserver { continuation.yield($0) })
}
for await name in blocks {
  print("finished", name)
  run.cancel()
}
do {
  print("finished blocks", try await run.value.blocks.count)
} catch let interruption as RunInterruption {
  print(interruption)
}
