import AutoRound
import Checkpoints
import Diagnostics
import Execution
import Foundation
import GGUF
import GGUFModels
import JSONText
import Quantization
import QuantizedCheckpoints
import Tensors
import TestSupport
import Testing

/// Runs that write files of llama.cpp.
@Suite struct GGUFRunTests {
  /// What is made of the model of a fixture, whose widths are 64 and 96 in f32.
  enum Change {
    case none
    /// The same in bf16.
    case narrow
    /// Random weights, wide enough for blocks of 256.
    case wide
  }

  private func remake(_ source: URL, _ change: Change) throws {
    guard change != .none else { return }
    let file = source.appending(path: "config.json")
    if change == .wide {
      var configuration = try JSONValue.parse(String(contentsOf: file, encoding: .utf8))
      configuration.set("hidden_size", 256)
      configuration.set("intermediate_size", 256)
      configuration.set("head_dim", 64)
      try configuration.text().write(to: file, atomically: true, encoding: .utf8)
    }
    var generator = SeededGenerator(seed: 9)
    let original = try Checkpoint(opening: source)
    let tensors = try original.tensorNames.map { name in
      let info = try #require(original.info(name))
      guard change == .wide else {
        return TensorInfo(name: name, dtype: .bfloat16, shape: info.shape)
      }
      // Keys and values have two of four heads.
      let shape = info.shape.enumerated().map { $0.offset == 0 && $0.element == 32 ? 128 : 256 }
      return TensorInfo(name: name, dtype: info.dtype, shape: shape)
    }
    let folder = source.deletingLastPathComponent().appending(path: "wide")
    let writer = try CheckpointWriter(
      output: folder, tensors: tensors, sources: [], overwrite: false)
    for info in tensors {
      let numbers =
        try change == .narrow
        ? original.tensor(info.name).floats()
        : info.shape.count == 1
          ? [Float](repeating: 1, count: info.count)
          : generator.normal(info.count, deviation: 0.05)
      try writer.write(
        Tensor(numbers, shape: info.shape).converted(to: info.dtype), named: info.name)
    }
    try writer.finish()
    let model = source.appending(path: "model.safetensors")
    try FileManager.default.removeItem(at: model)
    try FileManager.default.moveItem(at: folder.appending(path: "model.safetensors"), to: model)
  }

  private func job(
    _ formats: [String], scheme: String, _ change: Change = .none, iterations: Int = 2,
    in folder: URL, _ name: String
  ) throws -> QuantizationJob {
    let inner = folder.appending(path: name)
    try FileManager.default.createDirectory(at: inner, withIntermediateDirectories: false)
    var job = try FamilyRun("llama", scheme: scheme, ignore: ["lm_head"], in: inner) {
      try trimTokenizer(in: $0)
      try remake($0, change)
    }.job
    let options = try job.modifier.options.overriding(
      OptionOverrides {
        $0.groupSize = scheme == "W4A16" ? 32 : nil
        $0.iterations = iterations
      })
    job.modifier = AutoRoundModifier(options)
    job.formats = try formats.map { try OutputFormat(named: $0) }
    return job
  }

  private func bytes(_ folder: URL) throws -> Data {
    try Data(contentsOf: ggufFile(in: folder).url)
  }

  /// One tuning gives compressed-tensors and a file with the same numbers, and the file is that of a run by itself.
  @Test func integersAreThoseOfOtherFormats() throws {
    try withTemporaryFolder { folder in
      let both = try job(
        ["compressed-tensors", "gguf:q4_0"], scheme: "GGUF:Q4_0", .narrow,
        in: folder, "both")
      let output = try #require(both.output)
      let plan = try both.plan(measuresTime: false)
      #expect(plan.outputs.map(\.format) == ["compressed-tensors", "gguf:q4_0"])
      let report = try both.run()
      #expect(report.outputs.map(\.bitsPerWeight) == [4.5, 4.5])
      #expect(report.quality?.comparison != nil)
      let read = try DequantizedCheckpoint(
        Checkpoint(opening: output.appending(path: "compressed-tensors")))
      let own = output.appending(path: "gguf-q4_0")
      let written = try ggufFile(in: own)
      var compared = 0
      for (layer, part, heads) in [
        ("self_attn.q_proj", "attn_q", 4), ("self_attn.k_proj", "attn_k", 2),
        ("self_attn.v_proj", "attn_v", 0), ("self_attn.o_proj", "attn_output", 0),
        ("mlp.gate_proj", "ffn_gate", 0), ("mlp.down_proj", "ffn_down", 0),
      ] {
        for block in 0..<2 {
          let weight = try read.quantizedWeight(of: "model.layers.\(block).\(layer)")
            .dequantized(to: .float32)
          let order: RowOrder =
            heads == 0 ? .asStored : .alternatingHalves(headSize: weight.shape[0] / heads)
          let name = "blk.\(block).\(part).weight"
          #expect(written.info(name)?.type == .q40)
          #expect(
            try written.numbers(name).floats()
              == order.applied(to: weight.floats(), perRow: weight.shape[1]), "\(name)")
          compared += 1
        }
      }
      #expect(compared == 12)
      let sizes = Dictionary(
        uniqueKeysWithValues: plan.outputs[1].files.map { ($0.name, $0.byteCount) })
      let found = try names(in: own)
      #expect(found.contains("recipe.yaml") && !found.contains("config.json"))
      let data = try bytes(own)
      #expect(sizes.contains { $0.key.hasSuffix(".gguf") && $0.value == data.count })
      let alone = try job(
        ["gguf:q4_0"], scheme: "GGUF:Q4_0", .narrow, in: folder, "alone")
      let only = try alone.run()
      #expect(try bytes(try #require(alone.output)) == data)
      // Measured on what the file has, its rounded embedding too.
      #expect(only.quality?.perplexity.isFinite == true)
      #expect(only.outputs[0].verification?.quantizedLayerCount == 14)
      #expect(only.outputs[0].verification?.runtimes.map(\.name) == ["llama.cpp"])
    }
  }

  private func asQ40(_ job: QuantizationJob) throws -> QuantizationJob {
    var job = job
    job.formats = [try OutputFormat(named: "gguf:q4_0")]
    job.modifier = AutoRoundModifier(
      try job.modifier.options.overriding(OptionOverrides(scheme: "GGUF:Q4_0")))
    return job
  }

  private func overwriting(_ job: QuantizationJob) -> QuantizationJob {
    var job = job
    job.overwrite = true
    return job
  }

  /// What a run that was cut off has left is gone on with, to the same bytes; another type is not the same run.
  @Test(arguments: [("GGUF:Q8_0", .none), ("GGUF:Q3_K_M", .wide)] as [(String, Change)])
  func goesOn(scheme: String, change: Change) throws {
    try withTemporaryFolder { folder in
      let format = scheme.lowercased()
      let whole = try job([format], scheme: scheme, change, in: folder, "whole")
      try whole.run()
      let cut = try job([format], scheme: scheme, change, in: folder, "cut")
      #expect(throws: RunInterruption.self) { try cut.run(observer: Stopper()) }
      let other = try asQ40(cut)
      expectInputError(.invalidValue, mentioning: ["unfinished run", "gguf:q4_0"]) {
        try other.run()
      }
      try cut.run()
      #expect(try bytes(#require(whole.output)) == bytes(#require(cut.output)))
      expectInputError(.unwritable, mentioning: ["exists already"]) { try cut.run() }
      try overwriting(cut).run()
      #expect(try bytes(#require(whole.output)) == bytes(#require(cut.output)))
    }
  }

  /// Each layer gets the type that llama-quantize has for it, and tuning lowers the loss.
  @Test(arguments: ["q4_k_m", "q2_k", "q5_k_s"])
  func layersGetTheTypesOfTheMix(type: String) throws {
    try withTemporaryFolder { folder in
      let job = try job(
        ["gguf:\(type)"], scheme: "GGUF:\(type.uppercased())", .wide, iterations: 6,
        in: folder, "k")
      let report = try job.run()
      #expect(report.blocks.count == 2)
      for block in report.blocks {
        #expect(block.losses.count == 6)
        #expect(block.bestLoss <= block.initialLoss)
      }
      let file = try ggufFile(in: #require(job.output))
      let mix = GGUFMix(
        try #require(GGUFFileType(name: type)),
        model: .init(
          architecture: "llama", blockCount: 2, headCount: 4, keyValueHeadCount: 2, hasOutput: true)
      )
      let expected = mix.types(file.tensors.map { ($0.name, $0.shape) })
      #expect(expected.count == 16)
      for (name, type) in expected { #expect(file.info(name)?.type == type, "\(name)") }
      // The file's numbers are near those of the source.
      let source = try Checkpoint(opening: job.model)
      let (a, b) = try (
        file.numbers("blk.1.ffn_up.weight").floats(),
        source.tensor("model.layers.1.mlp.up_proj.weight").floats()
      )
      let relative = relativeError(of: a, from: b)
      #expect(relative > 0 && relative < 0.5)
    }
  }

  /// Layers whose rows are not whole blocks of 256 get the types with smaller blocks; without iterations all are rounded.
  @Test(arguments: [0, 2])
  func narrowRowsHaveSmallerBlocks(iterations: Int) throws {
    try withTemporaryFolder { folder in
      let job = try job(
        ["gguf:q5_k_m"], scheme: "GGUF:Q5_K_M", iterations: iterations, in: folder, "k")
      let report = try job.run()
      #expect(report.blocks.count == 2)
      let file = try ggufFile(in: #require(job.output))
      #expect(file.info("blk.0.ffn_up.weight")?.type == .q51)
      #expect(file.info("blk.0.attn_v.weight")?.type == .q51)
      #expect(file.info("blk.1.attn_v.weight")?.type == .q80)
    }
  }

  @Test func refusesWhatTheTypeDoesNotHold() throws {
    try withTemporaryFolder { folder in
      let k = try job(["gguf:q4_k_m"], scheme: "W4A16", .wide, in: folder, "k")
      expectInputError(.unsupported, mentioning: ["GGUF:Q4_K_M", "gguf:q4_0", "model.layers.0"]) {
        _ = try k.plan(measuresTime: false)
      }
      let both = try job(
        ["compressed-tensors", "gguf:q4_k_m"], scheme: "GGUF:Q4_K_M", .wide, in: folder, "both")
      expectInputError(.unsupported, mentioning: ["q4_k", "llama.cpp alone"]) { try both.run() }
      let other = try job(["gguf:q4_k_s"], scheme: "GGUF:Q4_K_M", .wide, in: folder, "other")
      expectInputError(.unsupported, mentioning: ["GGUF:Q4_K_M goes with", "gguf:q4_k_m"]) {
        try other.run()
      }
      let float = try job(["gguf:q4_0"], scheme: "NVFP4", in: folder, "float")
      expectInputError(.unsupported, mentioning: ["activations"]) { try float.run() }
      // Scales of a source in f32 are tuned in f16, which the other format would not have.
      let wide = try job(
        ["compressed-tensors", "gguf:q4_0"], scheme: "GGUF:Q4_0", in: folder, "wide")
      expectInputError(.unsupported, mentioning: ["f16", "llama.cpp alone"]) { try wide.run() }
      for name in ["k", "both", "other", "float", "wide"] {
        let left = try names(in: folder.appending(path: name))
        #expect(!left.contains { $0.hasPrefix("out") }, "\(name)")
      }
    }
  }

  /// A scheme that the type holds is written as it is; layers that were left out stay in the type of the source.
  @Test func schemesThatFitAreTaken() throws {
    try withTemporaryFolder { folder in
      var job = try job(["gguf:q8_0"], scheme: "W4A16", in: folder, "w4")
      let options = try job.modifier.options.overriding(
        OptionOverrides(ignore: ["lm_head", "model.layers.1.self_attn.o_proj"]))
      job.modifier = AutoRoundModifier(options)
      try job.run()
      let file = try ggufFile(in: #require(job.output))
      #expect(file.info("blk.0.attn_output.weight")?.type == .q80)
      #expect(file.info("blk.1.attn_output.weight")?.type == .f32)
      #expect(file.info("output.weight")?.type == .q80)
    }
  }
}
