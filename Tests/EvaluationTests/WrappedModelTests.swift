import AutoRound
import Checkpoints
import Execution
import Foundation
import JSONText
import LanguageModels
import ModelFamilies
import Tensors
import TestSupport
import Testing

/// Models with images: the part that reads text is quantized, and all else is as it was.
@Suite struct WrappedModelTests {
  /// With the number of tensors that stay, and a layer by the names that it has in files and in transformers.
  static let models = [
    ("gemma3-vlm", 48, "multi_modal_projector", "language_model.model.layers.1"),
    ("llava", 50, "multi_modal_projector.linear_1", "language_model.model.layers.1"),
    (
      "mistral3", 22, "vision_tower.transformer.layers.0.attention.q_proj",
      "language_model.model.layers.1"
    ),
    ("qwen2_5_vl", 31, "visual.blocks.0.mlp.gate_proj", "model.layers.1"),
    ("qwen3_vl", 37, "model.visual.blocks.0.mlp.linear_fc1", "model.language_model.layers.1"),
    ("qwen3_5", 48, "mtp.layers.0.self_attn.q_proj", "model.language_model.layers.1"),
  ]

  @Test(arguments: models) func allElseIsCopied(
    model: String, count: Int, stray: String, block: String
  ) throws {
    try withTemporaryFolder { folder in
      let files = ["preprocessor_config.json", "processor_config.json"]
      let run = try FamilyRun(
        model, scheme: "W4A16", ignore: ["re:.*layers.1.mlp.down_proj"], in: folder
      ) { source in
        for name in files {
          try Data("{\"is\": \"\(name)\"}".utf8).write(to: source.appending(path: name))
        }
      }
      let plan = try run.job.plan(measuresTime: false)
      let report = try run.job.run()
      #expect(plan.tensorByteCount == report.outputByteCount)
      #expect(plan.first.tensorParallelSizes == report.verification?.tensorParallelSizes)
      #expect(report.verification?.findings == [], "\(report.verification?.findings ?? [])")
      let (source, output) = (
        try Checkpoint(opening: run.source), try Checkpoint(opening: run.output)
      )
      var copied = 0
      for name in source.tensorNames where output.contains(name) {
        #expect(try output.tensor(name) == source.tensor(name))
        copied += 1
      }
      // The layer that is ignored is one more.
      #expect(copied == count + 1)
      for name in files {
        #expect(
          try Data(contentsOf: run.output.appending(path: name))
            == Data(contentsOf: run.source.appending(path: name)))
      }
      let ignore = Set(
        output.configuration["quantization_config"]?["ignore"]?.arrayValue?
          .compactMap(\.stringValue) ?? [])
      #expect(ignore.contains("\(block).mlp.down_proj"))
      #expect(ignore.contains("model.language_model.layers.1.mlp.down_proj"))
      #expect(ignore.contains("lm_head"))
      let isLayer = output.contains("\(stray).weight")
      #expect(ignore.contains(stray) == isLayer)
      let loaded = stray.hasPrefix("model.") ? stray : "model.\(stray)"
      #expect(ignore.contains(loaded) == isLayer)
    }
  }

  /// Rounded without being run, the same layers are quantized.
  @Test(arguments: models.map(\.0)) func roundsTheSameLayersWithoutTheModel(model: String) throws {
    try withTemporaryFolder { folder in
      let run = try FamilyRun(model, scheme: "W4A16", in: folder)
      let options = try ResolvedOptions(
        overrides: OptionOverrides(scheme: "W4A16") {
          $0.isModelFree = true
          $0.groupSize = 16
        })
      let free = QuantizationJob(
        model: run.source, modifier: AutoRoundModifier(options), output: run.output)
      let (known, named) = (try run.job.plan(measuresTime: false), try free.plan())
      let narrow = Set(known.layers.filter { $0.shape.contains { $0 < 32 } }.map(\.name))
      #expect(Set(named.layers.map(\.name)).union(narrow) == Set(known.layers.map(\.name)))
      let findings = try #require(free.run().verification).findings
      // Siblings of narrow layers, which stay, are what vLLM runs as one with them.
      #expect(findings.isEmpty == narrow.isEmpty, "\(findings)")
      let others = findings.filter { !$0.message.contains("have different schemes") }
      #expect(others.isEmpty, "\(others)")
    }
  }

  /// The model by its configuration and the names of tensors.
  private func describe(
    _ configuration: JSONReader, _ tensors: [String]
  ) throws -> ModelDescription {
    try Architectures.describe(
      configuration, shapes: Dictionary(uniqueKeysWithValues: tensors.map { ($0, []) }))
  }

  /// The names that transformers 5 gives are read as well.
  @Test func newerNamesAreRead() throws {
    let folder = Fixtures.folder.appending(path: "models/llava")
    let configuration = JSONReader(
      try JSONValue.parse(contentsOf: folder.appending(path: "config.json")))
    let old = try Checkpoint(opening: folder).tensorNames
    let new = old.map { name in
      let rest = name.hasPrefix("language_model.model.") ? name.dropFirst(21) : nil
      if let rest { return "model.language_model.\(rest)" }
      return name == "language_model.lm_head.weight" ? "lm_head.weight" : "model.\(name)"
    }
    let (first, second) = (
      try describe(configuration, old),
      try describe(configuration, new)
    )
    #expect(first.front.name == "language_model.model.embed_tokens")
    #expect(first.blocks[1].name == "language_model.model.layers.1")
    #expect(first.headModule == "language_model.lm_head")
    #expect(second.front.name == "model.language_model.embed_tokens")
    #expect(second.blocks[1].name == "model.language_model.layers.1")
    #expect(second.headModule == "lm_head")
    #expect(second.end.norm?.weights[0].tensor == "model.language_model.norm.weight")
    let unknown = try Architectures.describe(configuration)
    #expect(unknown.front.name == second.front.name)
  }

  /// What makes the inputs for each block of Gemma 4 has the beginning of all names too.
  @Test func inputsForBlocksAreFound() throws {
    let folder = Fixtures.folder.appending(path: "models/gemma4")
    let text = try JSONValue.parse(contentsOf: folder.appending(path: "config.json"))
    let names = try Checkpoint(opening: folder).tensorNames
    let wrapped = names.map { "model.language_\($0)" } + ["model.embed_vision.weight"]
    let (alone, inside) = (
      try describe(JSONReader(text), names),
      try describe(JSONReader(["model_type": "gemma4", "text_config": text]), wrapped)
    )
    let (own, other) = (alone.front.parts, inside.front.parts)
    #expect(own.count == 4)
    #expect(other.map(\.stored.tensor) == own.map { "model.language_\($0.stored.tensor)" })
    #expect(Set(other.map(\.stored.tensor)).isSubset(of: wrapped))
  }

  /// A table that is missing is said to be missing from the tensors, and not from the configuration.
  @Test(arguments: models.map(\.0) + ["llama4", "qwen3_vl_moe", "qwen3_5_moe", "gemma4-moe"])
  func missingTablesAreNamed(model: String) throws {
    try withTemporaryFolder { folder in
      let run = try FamilyRun(model, scheme: "W4A16", in: folder) {
        try SourceFolder.rewrite($0) { tensors in
          let tables = tensors.keys.filter { $0.hasSuffix("embed_tokens.weight") }
          #expect(tables.count == 1)
          for name in tables { tensors[name] = nil }
        }
      }
      let source = run.source.path(percentEncoded: false)
      let calls: [() throws -> Void] = [
        { _ = try SourceModel(opening: run.source) },
        { _ = try ReadableModel(opening: run.source) },
        { _ = try run.job.plan(measuresTime: false) },
      ]
      for call in calls {
        let error = expectInputError(.missing, mentioning: ["embed_tokens.weight"]) { try call() }
        #expect(error?.source == source)
        #expect(error?.place == "tensor 'embed_tokens.weight'")
      }
    }
  }

  @Test func modelsWithoutTextAreRefused() throws {
    let folder = Fixtures.folder.appending(path: "models/llava")
    let plain = try JSONValue.parse(contentsOf: folder.appending(path: "config.json"))
    let names = try Checkpoint(opening: folder).tensorNames
    func describe(_ configuration: JSONValue, _ tensors: [String]) throws {
      _ = try self.describe(JSONReader(configuration), tensors)
    }
    expectInputError(.missing, mentioning: ["embed_tokens.weight", "reads text"]) {
      try describe(plain, names.filter { $0.hasPrefix("vision_tower") })
    }
    expectInputError(.malformed, mentioning: ["language_model.model.embed_tokens", "not the only"])
    {
      try describe(plain, names + ["other.embed_tokens.weight"])
    }
    expectInputError(.missing, mentioning: ["text_config"]) {
      try describe(plain.removing("text_config"), names)
    }
    var other = plain
    var text = try #require(plain["text_config"])
    text.set("model_type", "lama")
    other.set("text_config", text)
    expectInputError(.unsupported, mentioning: ["text_config.model_type", "llama"]) {
      try describe(other, names)
    }
    text.set("model_type", "gemma3")
    other.set("text_config", text)
    expectInputError(.unsupported, mentioning: ["text_config.model_type"]) {
      try describe(other, names)
    }
    text = try #require(plain["text_config"])
    text.set("hidden_size", "x")
    other.set("text_config", text)
    expectInputError(.invalidValue, mentioning: ["text_config.hidden_size"]) {
      try describe(other, names)
    }
  }

  /// Files of GPT-2 and OPT may leave out what all names begin with.
  @Test(arguments: [("gpt2", "transformer."), ("opt", "model.")])
  func namesMayLackTheirBeginning(model: String, beginning: String) throws {
    try withTemporaryFolder { folder in
      let run = try FamilyRun(model, scheme: "W4A16", ignore: ["re:.*[.]1[.].*"], in: folder) {
        let file = $0.appending(path: "model.safetensors")
        let tensors = try SafetensorsFile(opening: file)
        let all = try tensors.entries.map { ($0.name, try tensors.tensor($0.name)) }
        let bare = $0.appending(path: "bare")
        let writer = try CheckpointWriter(
          output: bare,
          tensors: all.map {
            TensorInfo(name: name($0, beginning), dtype: $1.dtype, shape: $1.shape)
          }, sources: [], overwrite: false)
        for (full, tensor) in all { try writer.write(tensor, named: name(full, beginning)) }
        try writer.write("{}", toFile: "config.json")
        try writer.finish()
        try FileManager.default.removeItem(at: file)
        try FileManager.default.moveItem(at: bare.appending(path: "model.safetensors"), to: file)
        try FileManager.default.removeItem(at: bare)
      }
      let report = try run.job.run()
      #expect(report.verification?.findings == [], "\(report.verification?.findings ?? [])")
      #expect(try #require(report.quality?.comparison).klDivergenceMean < 0.5)
      let output = try Checkpoint(opening: run.output)
      let ignore =
        output.configuration["quantization_config"]?["ignore"]?.arrayValue?
        .compactMap(\.stringValue) ?? []
      let own = try #require(ignore.first { $0.hasPrefix("h.") || $0.hasPrefix("decoder.") })
      #expect(ignore.contains(beginning + own))
    }
  }

  private func name(_ full: String, _ beginning: String) -> String {
    full.hasPrefix(beginning) ? String(full.dropFirst(beginning.count)) : full
  }
}
