import AutoRound
import Checkpoints
import Foundation
import JSONText
import Tensors
import TestSupport

/// A copy of a small model in full precision that a test may change, with calibration data beside it.
struct SourceFolder {
  let folder: URL
  var model: URL { folder.appending(path: "model") }
  var output: URL { folder.appending(path: "out") }
  private var data: URL { folder.appending(path: "data.jsonl") }

  /// Runs `body` with a copy of the model.
  static func with(_ body: (SourceFolder) throws -> Void) throws {
    try withTemporaryFolder { folder in
      let source = SourceFolder(folder: folder)
      try FileManager.default.createDirectory(at: source.model, withIntermediateDirectories: false)
      for name in ["config.json", "model.safetensors"] {
        try FileManager.default.copyItem(
          at: Fixtures.folder.appending(path: "models/llama/\(name)"),
          to: source.model.appending(path: name))
      }
      try source.write(
        #"{"model": {"type": "BPE", "vocab": {"a": 0, "b": 1}, "merges": []}}"#,
        to: "tokenizer.json")
      try Data(#"{"input_ids": [0, 1, 0, 1, 1, 0, 0, 1]}"#.utf8).write(to: source.data)
      try body(source)
    }
  }

  /// Writes a file of the model.
  func write(_ text: String, to name: String) throws {
    try Data(text.utf8).write(to: model.appending(path: name))
  }

  /// Makes a file of the model a link.
  func link(_ name: String, to target: String) throws {
    let file = model.appending(path: name)
    try? FileManager.default.removeItem(at: file)
    try FileManager.default.createSymbolicLink(atPath: file.path, withDestinationPath: target)
  }

  func edit(configuration change: (inout JSONValue) -> Void) throws {
    var value = try JSONValue.parse(contentsOf: model.appending(path: "config.json"))
    change(&value)
    try write(value.text(), to: "config.json")
  }

  /// Writes the model's tensors again, in shards if asked to.
  func rewrite(isSharded: Bool = false, _ change: (inout [String: Tensor]) throws -> Void) throws {
    try Self.rewrite(model, isSharded: isSharded, change)
  }

  /// The same of a model in any folder.
  static func rewrite(
    _ model: URL, isSharded: Bool = false, _ change: (inout [String: Tensor]) throws -> Void
  ) throws {
    let original = try Checkpoint(opening: model)
    var tensors: [String: Tensor] = [:]
    for name in original.tensorNames { tensors[name] = try original.tensor(name) }
    try change(&tensors)
    let written = model.deletingLastPathComponent().appending(path: "written")
    let writer = try CheckpointWriter(
      output: written,
      tensors: tensors.sorted { $0.key < $1.key }.map {
        TensorInfo(name: $0.key, dtype: $0.value.dtype, shape: $0.value.shape)
      }, sources: [], overwrite: false,
      shardByteCountLimit: isSharded ? 200_000 : 5_000_000_000)
    for (name, tensor) in tensors { try writer.write(tensor, named: name) }
    try writer.finish()
    try FileManager.default.removeItem(at: model.appending(path: "model.safetensors"))
    for name in try names(in: written) {
      try FileManager.default.moveItem(
        at: written.appending(path: name), to: model.appending(path: name))
    }
    try FileManager.default.removeItem(at: written)
  }

  /// Writes the model in shards and changes their index.
  func shard(_ change: (inout ShardIndex) -> Void) throws {
    try rewrite(isSharded: true) { _ in }
    let file = model.appending(path: ShardIndex.fileName)
    var index = try ShardIndex(json: Array(Data(contentsOf: file)))
    change(&index)
    try write(index.text, to: ShardIndex.fileName)
  }

  /// Gives one element of a tensor another value.
  func set(_ name: String, at index: Int, to value: Float) throws {
    try rewrite { tensors in
      guard let tensor = tensors[name] else { return }
      var elements = tensor.floats()
      elements[index] = value
      tensors[name] = Tensor(elements, shape: tensor.shape)
    }
  }

  private func modifier(isModelFree: Bool) throws -> AutoRoundModifier {
    try AutoRoundModifier(
      ResolvedOptions(
        overrides: OptionOverrides {
          $0.iterations = 0
          $0.batchSize = 1
          $0.sampleCount = 1
          $0.sequenceLength = 8
          $0.isModelFree = isModelFree ? true : nil
        },
        recipe: Recipe("AutoRoundModifier: {scheme: W8A8, ignore: [lm_head]}").autoRoundOptions()))
  }

  func plan(isModelFree: Bool = false) throws -> RunPlan {
    try QuantizationJob(model: model, modifier: modifier(isModelFree: isModelFree)).plan(
      measuresTime: false)
  }

  @discardableResult
  func quantize(isModelFree: Bool = false, _ observer: (any RunObserver)? = nil) throws -> RunReport
  {
    try oneshot(
      model: model, modifier: modifier(isModelFree: isModelFree),
      dataset: CalibrationSource(file: data), output: output, overwrite: true, observer: observer)
  }
}
