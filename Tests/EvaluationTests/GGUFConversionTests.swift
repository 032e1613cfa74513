import AutoRound
import Checkpoints
import Diagnostics
import Foundation
import GGUF
import GGUFModels
import JSONText
import QuantizedCheckpoints
import Tensors
import TestSupport
import Testing

/// Checkpoints as files of llama.cpp: the same integers where the type holds them, and the numbers of the source.
@Suite struct GGUFConversionTests {
  private let model = Fixtures.examples.appending(path: "books-llama-6m")

  private func round(_ scheme: String, groupSize: Int, to output: URL) throws {
    let options = try ResolvedOptions(
      overrides: OptionOverrides(scheme: scheme) {
        $0.isModelFree = true
        $0.groupSize = groupSize
      })
    try QuantizationJob(model: model, modifier: AutoRoundModifier(options), output: output).run()
  }

  private func convert(
    _ checkpoint: URL, to formats: [String], _ output: URL, _ requantizes: Bool = false
  ) throws -> CheckpointConversion.Report {
    var conversion = CheckpointConversion(
      checkpoint: checkpoint, formats: try formats.map { try ConversionFormat(named: $0) },
      output: output)
    conversion.requantizes = requantizes
    return try conversion.run()
  }

  /// The rows of a matrix in the order of the file: heads whose halves take turns, for queries and keys.
  private func ordered(_ weight: Tensor, name: String, heads: Int) -> [Float] {
    let order: RowOrder =
      name.hasSuffix("q_proj") || name.hasSuffix("k_proj")
      ? .alternatingHalves(headSize: weight.shape[0] / heads) : .asStored
    return order.applied(to: weight.floats(), perRow: weight.shape[1])
  }

  @Test(arguments: [
    ("W4A16", 32, "q4_0"), ("W4A16", 128, "q4_0"), ("W4A16", 64, "q8_0"), ("W8A16", 32, "q8_0"),
    ("W4A16_ASYM", 32, "q5_0"), ("W2A16_ASYM", 32, "q8_0"),
  ])
  func integersStay(scheme: String, groupSize: Int, type: String) throws {
    try withTemporaryFolder { folder in
      let (rounded, output) = (folder.appending(path: "w"), folder.appending(path: "out"))
      try round(scheme, groupSize: groupSize, to: rounded)
      let report = try convert(rounded, to: ["gguf:\(type)"], output)
      #expect(report.layerCount == 42)
      let file = try ggufFile(in: output)
      let quantized = try DequantizedCheckpoint(Checkpoint(opening: rounded))
      let configuration = JSONReader(quantized.checkpoint.configuration)
      let heads = try [
        "q_proj": configuration.required("num_attention_heads").int(in: 1...64),
        "k_proj": configuration.required("num_key_value_heads").int(in: 1...64),
      ]
      let parts = [
        "self_attn.q_proj": "attn_q", "self_attn.k_proj": "attn_k", "self_attn.v_proj": "attn_v",
        "self_attn.o_proj": "attn_output", "mlp.gate_proj": "ffn_gate", "mlp.up_proj": "ffn_up",
        "mlp.down_proj": "ffn_down",
      ]
      var compared = 0
      for layer in quantized.schemes.keys {
        let words = layer.split(separator: ".")
        let part = try #require(parts[words.suffix(2).joined(separator: ".")])
        let name = "blk.\(words[2]).\(part).weight"
        #expect(file.info(name)?.type.name == type)
        let weight = try quantized.quantizedWeight(of: layer).dequantized(to: .float32)
        let head = heads[String(words[words.count - 1])] ?? 1
        #expect(
          try file.numbers(name).floats() == ordered(weight, name: layer, heads: head), "\(layer)")
        compared += 1
      }
      #expect(compared == 42)
      let fileType = try #require(GGUFFileType(name: type))
      #expect(file.metadata[GGUFFileType.key] == .uint32(fileType.rawValue))
    }
  }

  @Test func numbersAreThoseOfTheSource() throws {
    try withTemporaryFolder { folder in
      let output = folder.appending(path: "out")
      let formats = ["gguf:f32", "gguf:bf16", "gguf:q8_0", "gguf:q4_k_m"]
      let report = try convert(model, to: formats, output)
      #expect(report.outputs.map(\.format) == formats)
      let plain = try ggufFile(in: output.appending(path: "gguf-f32"))
      let source = try Checkpoint(opening: model)
      #expect(
        try plain.numbers("token_embd.weight").floats()
          == source.tensor("model.embed_tokens.weight").floats())
      #expect(plain.tensors.count == source.tensorNames.count)
      for (format, most) in [("gguf-bf16", 0.0), ("gguf-q8_0", 0.01), ("gguf-q4_k_m", 0.12)] {
        let rounded = try ggufFile(in: output.appending(path: format))
        #expect(rounded.tensors.map(\.name) == plain.tensors.map(\.name))
        var compared = 0
        for info in plain.tensors where info.shape.count == 2 {
          let (a, b) = try (plain.numbers(info.name).floats(), rounded.numbers(info.name).floats())
          #expect(relativeError(of: b, from: a) <= most, "\(format) \(info.name)")
          compared += 1
        }
        #expect(compared >= 43)
        let tokens = rounded.metadata["tokenizer.ggml.tokens"]
        #expect(tokens != nil && tokens == plain.metadata["tokenizer.ggml.tokens"])
      }
    }
  }

  /// What would be rounded twice is asked for by name.
  @Test func roundsAgainWhereThatIsAskedFor() throws {
    try withTemporaryFolder { folder in
      let (rounded, output) = (folder.appending(path: "w"), folder.appending(path: "out"))
      try round("W4A16", groupSize: 32, to: rounded)
      expectInputError(.unsupported, mentioning: ["model.layers.0.", "q4_k", "requantizes"]) {
        _ = try convert(rounded, to: ["gguf:q4_k_m"], output)
      }
      #expect(try names(in: folder) == ["w"])
      #expect(try convert(rounded, to: ["gguf:q4_k_m"], output, true).layerCount == 0)
      // A folder with such a file is replaced where that is asked for.
      var again = CheckpointConversion(
        checkpoint: rounded, formats: [try ConversionFormat(named: "gguf:q4_0")], output: output)
      expectInputError(.unwritable, mentioning: ["exists already"]) { _ = try again.run() }
      again.overwrite = true
      #expect(try again.run().layerCount == 42)
      #expect(try names(in: output) == ["SHA256SUMS", "w-Q4_0.gguf"])
    }
  }

  /// An architecture that llama.cpp does not know is refused before anything is written.
  @Test func refusesUnknownArchitectures() throws {
    try withTemporaryFolder { folder in
      let output = folder.appending(path: "out")
      let unknown = folder.appending(path: "model")
      try FileManager.default.copyItem(
        at: Fixtures.folder.appending(path: "models/kimi_linear"), to: unknown)
      try FileManager.default.copyItem(
        at: Fixtures.folder.appending(path: "tokenizers/a1-gpt2/tokenizer.json"),
        to: unknown.appending(path: "tokenizer.json"))
      expectInputError(.unsupported, mentioning: ["kimi_linear"]) {
        _ = try convert(unknown, to: ["gguf:f16"], output)
      }
      #expect(try names(in: folder) == ["model"])
    }
  }
}
