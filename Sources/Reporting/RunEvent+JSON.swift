import Evaluation
import Foundation
package import JSONText

extension RunEvent {
  /// The event as a JSON object: `event` is its name.
  package var json: JSONValue {
    switch self {
    case .started(let description): ["event": "started", "run": description.json]
    case .readingSource(let share): ["event": "reading_source", "share": JSONValue(share)]
    case .resumed(let reports): ["event": "resumed", "blocks": JSONValue(reports.count)]
    case .blockStarted(let index, let count, let name):
      [
        "event": "block_started", "block": JSONValue(index), "of": JSONValue(count),
        "name": .string(name),
      ]
    case .portionStarted(let index, let count, let name):
      [
        "event": "portion_started", "portion": JSONValue(index), "of": JSONValue(count),
        "name": .string(name),
      ]
    case .iteration(let block, let iteration, let count, let loss):
      [
        "event": "iteration", "block": JSONValue(block), "iteration": JSONValue(iteration),
        "of": JSONValue(count), "loss": JSONValue(loss),
      ]
    case .blockFinished(let report):
      // The events of its iterations have told the losses.
      ["event": "block_finished", "report": report.json.removing("losses")]
    case .verifying: ["event": "verifying"]
    case .measuring(let share): ["event": "measuring", "share": JSONValue(share)]
    case .warning(let message): ["event": "warning", "message": .string(message)]
    case .finished(let report):
      [
        "event": "finished", "output": .string(report.output.path(percentEncoded: false)),
        "seconds": JSONValue(report.seconds),
        "peak_memory_bytes": JSONValue(report.peakMemoryByteCount),
        "output_bytes": JSONValue(report.outputByteCount),
        "held_out": report.quality?.json ?? .null,
      ]
    case .tried(let report):
      [
        "event": "tried", "blocks": JSONValue(report.blocks.count),
        "of": JSONValue(report.blockCount), "seconds": JSONValue(report.seconds),
        "estimated_seconds": JSONValue(report.estimatedSeconds),
      ]
    case .kept(let finished, let count, let folder):
      [
        "event": "kept", "finished": JSONValue(finished), "of": JSONValue(count),
        "folder": .string(folder),
      ]
    }
  }
}
