import Checkpoints
import Diagnostics
import Foundation
import Inspection
import JSONText
import Tensors
import TestSupport
import Testing

@Suite struct CheckpointSummaryTests {
  @Test func exampleModel() throws {
    let folder = Fixtures.examples.appending(path: "books-llama-6m")
    let summary = try CheckpointSummary(opening: folder)
    #expect(summary.architecture == "LlamaForCausalLM")
    #expect(summary.structure?.blockCount == 6)
    #expect(summary.structure?.hiddenSize == 256)
    #expect(summary.structure?.vocabularySize == 4096)
    #expect(summary.structure?.hasTiedHead == true)
    #expect(summary.quantization == nil)
    // Embedding, and per block: q and o of 256 rows, k and v of 128, three of 768, and two norms.
    let block = 256 * (256 + 256 + 128 + 128 + 3 * 768 + 2)
    #expect(summary.parameterCount == 4096 * 256 + 6 * block + 256)
    #expect(summary.byteCount == 2 * summary.parameterCount)
    #expect(summary.bytesByType.map(\.dtype) == [.bfloat16])
    #expect(summary.bytesByType.map(\.byteCount) == [summary.byteCount])
    #expect(summary.lines.last == "quantized     no")
    #expect(summary.json["supported"] == true)
    #expect(summary.json["parameters"] == JSONValue(summary.parameterCount))
  }

  @Test(arguments: [
    ("w4a16", ["4-bit int symmetric, groups of 32"]),
    ("w4a16_asym", ["4-bit int asymmetric, groups of 32"]),
    ("w3a16", ["3-bit int symmetric, groups of 32"]),
    ("mixed_w2_w4", ["4-bit int symmetric, groups of 32", "2-bit int symmetric, groups of 32"]),
  ])
  func quantizedByTheReference(name: String, schemes: [String]) throws {
    let folder = Fixtures.folder.appending(path: "formats/\(name)")
    let summary = try CheckpointSummary(opening: folder)
    let quantization = try #require(summary.quantization)
    #expect(quantization.method == "compressed-tensors")
    #expect(quantization.groups.map(\.scheme) == schemes)
    #expect(quantization.ignored == ["lm_head"])
    let blockCount = try #require(summary.structure?.blockCount)
    #expect(quantization.groups.reduce(0) { $0 + $1.layerCount } == 7 * blockCount)
    if schemes.count == 1 {
      let bitCount = Double(try #require(schemes[0].prefix(1).first?.wholeNumberValue))
      // A scale of 16 bits for 32 weights; zero points take as many bits as weights.
      let zeroPoint = name.hasSuffix("asym") ? bitCount / 32 : 0
      #expect(abs(quantization.bitsPerWeight - (bitCount + 0.5 + zeroPoint)) < 0.05)
    }
    #expect(summary.tokenizer == nil)
    #expect(summary.tokenizerProblem != nil)
    #expect(summary.json["quantization"]?["groups"]?.arrayValue?.count == schemes.count)
  }

  /// A quantized model has as many parameters as the model that it was made from.
  @Test func countsWhatPackedTensorsStandFor() throws {
    let formats = [
      "w4a16", "w2a16", "w4a16_asym", "w8a16", "gptq_w4_asym", "awq_w4_asym", "auto_round_w3",
      "auto_round_w2_asym", "mlx_w4_asym",
    ]
    let counts = try formats.map {
      try CheckpointSummary(opening: Fixtures.folder.appending(path: "formats/\($0)"))
        .parameterCount
    }
    #expect(Set(counts).count == 1, "\(counts)")
  }

  /// Shapes that packed weights have no room for; their sum would exceed all integers.
  @Test(arguments: [(1 << 24, 1 << 24), (128, 129 * 4), (0, 1), (-1, -1), (Int.max, 2)])
  func refusesShapesThatAreTooLarge(_ rows: Int, _ columns: Int) throws {
    try withTemporaryFolder { folder in
      let copy = folder.appending(path: "model")
      try FileManager.default.copyItem(
        at: Fixtures.folder.appending(path: "formats/w4a16"), to: copy)
      let file = copy.appending(path: "model.safetensors")
      let name = "model.layers.0.self_attn.q_proj.weight_shape"
      let range = try #require(try SafetensorsFile(opening: file).entry(name)).byteRange
      var bytes = try Data(contentsOf: file)
      withUnsafeBytes(of: (rows, columns)) { bytes.replaceSubrange(range, with: $0) }
      try bytes.write(to: file)
      expectInputError(.malformed, mentioning: [name, "\(rows) by \(columns)"]) {
        try CheckpointSummary(opening: copy)
      }
    }
  }

  @Test func unknownArchitecturesAndMethodsAreNoErrors() throws {
    let folder = FileManager.default.temporaryDirectory.appending(path: "summary-\(UUID())")
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: folder) }
    let source = Fixtures.folder.appending(path: "formats/w4a16")
    try FileManager.default.copyItem(
      at: source.appending(path: "model.safetensors"),
      to: folder.appending(path: "model.safetensors"))
    try Data(
      #"{"model_type": "mamba", "quantization_config": {"quant_method": "bitsandbytes"}}"#.utf8
    ).write(to: folder.appending(path: "config.json"))
    let summary = try CheckpointSummary(opening: folder)
    #expect(summary.architecture == "mamba")
    #expect(summary.structure == nil)
    #expect(summary.unsupportedReason?.contains("'mamba' is not supported") == true)
    #expect(summary.quantization?.method == "bitsandbytes")
    #expect(summary.lines.contains("quantized     with bitsandbytes, which is not read"))
    #expect(summary.lines.contains("architecture  mamba (not supported)"))

    try Data(
      #"{"model_type": "mamba", "quantization_config": {"quant_method": "compressed-tensors", "config_groups": 3}}"#
        .utf8
    ).write(to: folder.appending(path: "config.json"))
    let error = #expect(throws: InputError.self) { try CheckpointSummary(opening: folder) }
    #expect(error?.source?.hasSuffix("config.json") == true)
    #expect(error?.place == "quantization_config.config_groups")

    #expect(throws: InputError.self) {
      try CheckpointSummary(opening: folder.appending(path: "none"))
    }
  }
}
