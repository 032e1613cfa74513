import AutoRound
import Checkpoints
import Diagnostics
import Foundation
import JSONText
import Tensors
import TestSupport
import Testing
import Verification

/// What is wrong with a source is found before anything is computed, and called a fault of the source.
@Suite struct SourceFaultTests {
  /// A fault, and what is said of it.
  struct Case: Sendable, CustomTestStringConvertible {
    var testDescription: String
    /// The file that the message names.
    var file: String
    /// Further words of the message.
    var mentions: [String]
    var spoil: @Sendable (SourceFolder) throws -> Void

    init(
      _ description: String, in file: String, _ mentions: [String],
      _ spoil: @escaping @Sendable (SourceFolder) throws -> Void
    ) {
      (testDescription, self.file, self.mentions, self.spoil) = (description, file, mentions, spoil)
    }
  }

  private static let projection = "model.layers.0.self_attn.q_proj"

  /// Files that are no JSON, however often they are found.
  private static let texts = [
    ("empty", ""), ("a byte order mark", "\u{FEFF}{}"), ("a comma too many", #"{"a": 1,}"#),
    ("NaN", #"{"a": NaN}"#),
  ]

  static let fatal: [Case] =
    texts.flatMap { name, text in
      ["generation_config.json", "special_tokens_map.json", "added_tokens.json", "vocab.json"].map {
        file in Case("\(name): \(file)", in: file, ["line 1"]) { try $0.write(text, to: file) }
      }
    } + [
      Case("a template that is no JSON", in: "additional_chat_templates/a.json", ["line 1"]) {
        try FileManager.default.createDirectory(
          at: $0.model.appending(path: "additional_chat_templates"),
          withIntermediateDirectories: false)
        try $0.write("{", to: "additional_chat_templates/a.json")
      }
    ]
    + [
      "q_proj.weight_scale_inv", "q_proj.weight_scale", "q_proj.weight_packed", "q_proj.weight_g",
      "q_proj.input_scale", "k_scale", "v_scale",
    ].map { suffix in
      let name = "model.layers.0.self_attn.\(suffix)"
      return Case(
        "a leftover \(suffix)", in: "model.safetensors", [name, "seems to be quantized already"]
      ) {
        try $0.rewrite { $0[name] = Tensor([1], shape: [1]) }
      }
    }
    + [
      Case("no architectures", in: "config.json", ["architectures: is missing", "expected"]) {
        try $0.edit(configuration: { $0 = $0.removing("architectures") })
      },
      Case("architectures: null", in: "config.json", ["architectures: is missing"]) {
        try $0.edit(configuration: { $0.set("architectures", .null) })
      },
      Case("empty architectures", in: "config.json", ["architectures: found an array of 0"]) {
        try $0.edit(configuration: { $0.set("architectures", []) })
      },
      Case("architectures as a text", in: "config.json", ["architectures: found \"LlamaFor"]) {
        try $0.edit(configuration: { $0.set("architectures", "LlamaForCausalLM") })
      },
    ]

  @Test(arguments: fatal, [false, true])
  func isRefusedByPlanAndRun(_ fault: Case, isModelFree: Bool) throws {
    try SourceFolder.with { source in
      try fault.spoil(source)
      let file = source.model.appending(path: fault.file).path
      let before = try names(in: source.folder)
      let planned = try #require(throws: InputError.self) {
        try source.plan(isModelFree: isModelFree)
      }
      let events = EventLog()
      let run = try #require(throws: InputError.self) {
        try source.quantize(isModelFree: isModelFree, events)
      }
      for text in ["\(planned)", "\(run)"] {
        #expect(text.hasPrefix(file + ": "), "\(text)")
        #expect(!text.contains("restart") && !text.contains(".partial"), "\(text)")
        for words in fault.mentions { #expect(text.contains(words), "\(text)") }
      }
      #expect(events.blockCount == 0)
      #expect(try names(in: source.folder) == before)
    }
  }

  static let harmless: [Case] = [
    Case("a total_size that is not the sum", in: ShardIndex.fileName, ["total_size is"]) {
      try $0.shard { index in index.tensorByteCount = index.tensorByteCount.map { 2 * $0 } }
    },
    Case("a tensor that the index does not list", in: ShardIndex.fileName, ["model.norm.weight"]) {
      try $0.shard { $0.shardOfTensor["model.norm.weight"] = nil }
    },
    Case("an index of other files", in: ShardIndex.fileName, ["other.safetensors"]) {
      let index = ShardIndex(
        shardOfTensor: ["model.norm.weight": "other.safetensors"], tensorByteCount: 3)
      try $0.write(index.text, to: ShardIndex.fileName)
    },
    Case("an index that is none", in: ShardIndex.fileName, ["cannot be read"]) {
      try $0.write("{", to: ShardIndex.fileName)
    },
    Case("weights that are not the model's", in: "consolidated.safetensors", ["not part of"]) {
      try FileManager.default.copyItem(
        at: $0.model.appending(path: "model.safetensors"),
        to: $0.model.appending(path: "consolidated.safetensors"))
    },
    Case("weights beside shards", in: "consolidated.safetensors", ["the files that the index"]) {
      try FileManager.default.copyItem(
        at: $0.model.appending(path: "model.safetensors"),
        to: $0.model.appending(path: "consolidated.safetensors"))
      try $0.shard { _ in }
    },
  ]

  @Test(arguments: harmless, [false, true])
  func isAWarningAndTheResultIsSound(_ fault: Case, isModelFree: Bool) throws {
    try SourceFolder.with { source in
      try fault.spoil(source)
      let file = source.model.appending(path: fault.file).path
      let planned = try source.plan(isModelFree: isModelFree).warnings
      let report = try source.quantize(isModelFree: isModelFree)
      for warnings in [planned, report.warnings] {
        let warning = try #require(warnings.first { $0.hasPrefix(file) }, "\(warnings)")
        for words in fault.mentions { #expect(warning.contains(words), "\(warning)") }
      }
      let verified = Verifier(source.output, source: source.model).run()
      #expect(verified.findings.isEmpty, "\(verified.findings)")
    }
  }

  static let numbers: [(tensor: String, index: Int, place: String)] = [
    ("model.embed_tokens.weight", 3, "[0, 3]"), ("model.norm.weight", 63, "[63]"),
    ("model.layers.1.mlp.down_proj.weight", 96 * 2 + 5, "[2, 5]"), ("lm_head.weight", 0, "[0, 0]"),
  ]

  @Test(arguments: numbers, [Float.nan, .infinity, -.infinity])
  func numbersThatAreNoneAreFoundFirst(
    _ bad: (tensor: String, index: Int, place: String), value: Float
  ) throws {
    try SourceFolder.with { source in
      try source.set(bad.tensor, at: bad.index, to: value)
      // Plans read no numbers.
      _ = try source.plan()
      for isModelFree in [false, true] {
        let events = EventLog()
        let error = expectInputError(
          .notFinite,
          mentioning: [
            source.model.appending(path: "model.safetensors").path, "'\(bad.tensor)'",
            "element \(bad.place) is infinite or NaN",
          ]
        ) { try source.quantize(isModelFree: isModelFree, events) }
        #expect(error?.message.contains("restart") == false)
        #expect(events.blockCount == 0)
        #expect(try names(in: source.folder) == ["data.jsonl", "model"])
      }
    }
  }

  /// What a run calls verified, `verify` calls sound.
  @Test(arguments: [false, true], [false, true])
  func layersBeyondThoseThatAreCounted(isModelFree: Bool, isIncomplete: Bool) throws {
    try SourceFolder.with { source in
      try source.edit(configuration: { $0.set("num_hidden_layers", 1) })
      if isIncomplete {
        try source.rewrite { $0["model.layers.1.self_attn.k_proj.weight"] = nil }
      }
      let planned = try source.plan(isModelFree: isModelFree).warnings
      #expect(planned.contains { $0.contains("num_hidden_layers") }, "\(planned)")
      try source.quantize(isModelFree: isModelFree)
      let verified = Verifier(source.output, source: source.model).run()
      #expect(verified.findings.isEmpty, "\(verified.findings)")
    }
  }
}

/// Counts the blocks that a run has begun.
private final class EventLog: RunObserver {
  private(set) var blockCount = 0

  func observe(_ event: RunEvent) {
    if case .blockStarted = event { blockCount += 1 }
  }
}
