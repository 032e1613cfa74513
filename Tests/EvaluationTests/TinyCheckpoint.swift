import AutoRound
import CPU
import Checkpoints
import Compute
import Evaluation
import Foundation
import JSONText
import LanguageModels
import Recordings
import Tensors
import TestSupport

/// The small model behind `Tests/Fixtures/formats`, in full precision and quantized.
enum TinyCheckpoint {
  /// The logits of windows of token ids, `[windows, tokens, vocabulary]`, computed in f32.
  static func logits(
    of checkpoint: URL, _ windows: [[Int]], quantizesActivations: Bool = true
  ) throws -> Tensor {
    let model = try ReadableModel(
      opening: checkpoint, quantizesActivations: quantizesActivations)
    let device = try CPUDevice(compute: .float32)
    let hidden = try model.lastHiddenStates(of: windows, on: device) { _, _ in }
    let tokens = windows[0].count
    let head = try LogitProgram(model, tokens: tokens, device: device)
    var logits: [Float] = []
    for window in windows.indices {
      let rows = head.logits(of: hidden[window])
      logits += UnsafeBufferPointer(start: rows, count: tokens * head.columns)
    }
    return Tensor(logits, shape: [windows.count, tokens, head.columns])
  }

  /// Writes the weights of a quantized model in bf16.
  static func writeDense(_ model: ReadableModel, to folder: URL) throws {
    let description = model.description
    var shapes = [
      (description.front.table.tensor, [description.vocabularySize, description.hiddenSize])
    ]
    shapes += description.end.parts.map { ($0.name, $0.shape) }
    for placed in description.blocks {
      shapes += placed.block.parts.map { ("\(placed.name).\($0.name)", $0.shape) }
    }
    let writer = try CheckpointWriter(
      output: folder,
      tensors: shapes.map { TensorInfo(name: $0.0, dtype: .bfloat16, shape: $0.1) },
      sources: [], overwrite: false)
    for (name, shape) in shapes {
      let tensor = try model.source.tensor(name, shape: shape)
      try writer.write(tensor.converted(to: .bfloat16), named: name)
    }
    let configuration = model.checkpoint.configuration.removing("quantization_config")
    try writer.write(configuration.text(), toFile: "config.json")
    try writer.finish()
  }

  /// Random token ids of the model's vocabulary.
  static func windows(_ count: Int, tokens: Int, seed: UInt64) -> [[Int]] {
    var generator = SeededGenerator(seed: seed)
    return (0..<count).map { _ in (0..<tokens).map { _ in generator.below(256) } }
  }

  /// Runs `body` with the model in full precision and a folder to write into.
  static func withSource(_ body: (_ source: URL, _ folder: URL) throws -> Void) throws {
    try withTemporaryFolder { folder in
      let source = folder.appending(path: "source")
      let reference = Fixtures.folder.appending(path: "formats/w8a16")
      try writeDense(ReadableModel(opening: reference), to: source)
      // Nobody asks it for anything: calibration is in token ids.
      try FileManager.default.copyItem(
        at: Fixtures.folder.appending(path: "tokenizers/a1-gpt2/tokenizer.json"),
        to: source.appending(path: "tokenizer.json"))
      try body(source, folder)
    }
  }

  /// Quantizes the model with the arguments of an `AutoRoundModifier`, on random tokens.
  static func quantize(
    _ source: URL, _ arguments: String, iterations: Int = 20, compute: ComputeType = .float32,
    to output: URL
  ) throws -> RunReport {
    let records = windows(16, tokens: 24, seed: 21).map { "{\"input_ids\": \($0)}\n" }
    let file = output.deletingLastPathComponent().appending(path: "ids.jsonl")
    try records.joined().write(to: file, atomically: true, encoding: .utf8)
    return try oneshot(
      model: source, recipe: Recipe("AutoRoundModifier: {ignore: [lm_head], \(arguments)}"),
      dataset: CalibrationSource(file: file),
      overrides: OptionOverrides {
        $0.iterations = iterations
        $0.batchSize = 4
        $0.sampleCount = 16
        $0.sequenceLength = 24
      },
      output: output
    ) { $0.compute = compute }
  }
}
