// Says what a run would take, runs it in a task, and cancels the task after the first block.
//
// Run it from the root of the package: swift run -c release PlanAndCancel
import AutoRound
import Foundation

let options = try ResolvedOptions(
  overrides: OptionOverrides {
    $0.iterations = 4
    $0.sampleCount = 16
    $0.sequenceLength = 128
  })
var job = QuantizationJob(
  model: URL(filePath: "Examples/books-llama-6m"), modifier: AutoRoundModifier(options),
  output: URL.temporaryDirectory.appending(path: "books-llama-6m-cancelled"))
job.overwrite = true
job.restart = true

let plan = try job.plan()
print("bytes of the result", plan.byteCount, "memory", plan.memory.byteCount)
if let time = plan.time { print("seconds", time.seconds, "busy machine", time.isOnBusyMachine) }
for shortage in plan.shortages { print("does not fit:", shortage) }

let (names, finished) = AsyncStream.makeStream(of: String.self)
let task = Task { [job] in
  defer { finished.finish() }
  return try await job.run { event in
    if case .blockFinished(let block) = event { finished.yield(block.name) }
  }
}
for await name in names {
  print("finished", name)
  task.cancel()
}
do {
  print("blocks", try await task.value.blocks.count)
} catch let interruption as RunInterruption {
  // What is finished is kept, and the same job, without `restart`, goes on after it.
  print(interruption)
}
