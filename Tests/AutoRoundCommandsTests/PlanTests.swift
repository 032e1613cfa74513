import AutoRound
import Diagnostics
import Foundation
import JSONText
import TestSupport
import Testing

/// What is planned is what comes.
@Suite(.serialized) struct PlanTests {
  private let model = Fixtures.examples.appending(path: "books-llama-6m")

  @Test(arguments: [
    ["--scheme", "W4A16"], ["--scheme", "W3A16_ASYM", "--ignore", "lm_head", "re:.*down_proj"],
    ["--scheme", "NVFP4"], ["--scheme", "FP8"],
  ])
  func sizesAreExact(_ options: [String]) throws {
    try withTemporaryFolder { folder in
      let output = folder.appending(path: "out")
      let arguments =
        [model.path, "--samples", "2", "--sequence-length", "16", "--batch-size", "2"]
        + ["--iterations", "0"] + options
      let run = try Invocation(["plan"] + arguments + ["--json"])
      #expect(run.status == 0, "\(run.errors)")
      let plan = try JSONValue.parse(run.lastLine)
      let real = try Invocation(["quantize"] + arguments + ["--output", output.path, "--json"])
      #expect(real.status == 0, "\(real.errors)")
      let report = try JSONValue.parse(real.lastLine)
      #expect(plan["tensor_bytes"] == report["output_bytes"])
      #expect(plan["source_bytes"] == report["source_bytes"])
      #expect(plan["bits_per_weight"] == report["bits_per_weight"])
      #expect(
        plan["tensor_parallel_sizes"] == report["verification"]?["tensor_parallel_sizes"])
      #expect(plan["runtimes"] == report["verification"]?["runtimes"])
      var planned: [String: Int] = [:]
      for file in plan["files"]?.arrayValue ?? [] {
        planned[file["name"]?.stringValue ?? ""] = file["bytes"]?.intValue
      }
      var found: [String: Int] = [:]
      for name in try names(in: output) {
        found[name] = try Data(contentsOf: output.appending(path: name)).count
      }
      for name in ["README.md", "report.html", "quantization_report.json"] {
        #expect(found.removeValue(forKey: name) != nil)
      }
      #expect(planned == found)
      #expect(plan["bytes"]?.intValue == found.values.reduce(0, +))
      #expect(
        plan["layers"]?.arrayValue?.count == report["verification"]?["quantized_layers"]?.intValue)
    }
  }

  /// What a runtime will not load is known before hours are spent, and said once.
  @Test func warningsOfThePlanComeFirst() throws {
    try withTemporaryFolder { folder in
      let events = folder.appending(path: "events.jsonl")
      let run = try Invocation(
        "quantize", model.path, "--output", folder.appending(path: "out").path, "--samples", "2",
        "--sequence-length", "16", "--iterations", "0", "--ignore", "lm_head", "re:.*q_proj",
        "--events", events.path, "--json")
      #expect(run.status == 0, "\(run.errors)")
      let found = try String(contentsOf: events, encoding: .utf8).split(separator: "\n").map {
        try JSONValue.parse(String($0))
      }
      let names = found.map { $0["event"]?.stringValue ?? "" }
      let warnings = found.indices.filter {
        found[$0]["message"]?.stringValue?.contains("q_proj") == true
      }
      let first = try #require(names.firstIndex(of: "block_started"))
      #expect(!warnings.isEmpty)
      #expect(warnings.everySatisfies { $0 < first }, "\(names)")
      let told = warnings.compactMap { found[$0]["message"]?.stringValue }
      #expect(Set(told).count == told.count)
      let verifying = try #require(names.firstIndex(of: "verifying"))
      #expect(names[verifying...].contains("measuring"))
    }
  }

  @Test func saysWhatStaysAndWhy() throws {
    let run = try Invocation(
      "quantize", model.path, "--output", "unused", "--dry-run", "--samples", "2",
      "--sequence-length", "16", "--iterations", "2", "--ignore", "lm_head", "re:.*layers.0.*o_proj"
    )
    #expect(run.status == 0, "\(run.errors)")
    let lines = run.output.split(separator: "\n").map(String.init)
    func line(_ beginning: String) -> String {
      lines.first { $0.hasPrefix(beginning) } ?? "no \(beginning)"
    }
    #expect(line("model.embed_tokens.weight").contains("an embedding is looked up in"))
    #expect(line("model.norm.weight").contains("norms and biases are vectors"))
    #expect(line("model.layers.*.self_attn.o_proj.weight").contains("ignore lists it"))
    #expect(line("model.layers.*.mlp.up_proj").contains("4-bit int symmetric, groups of 128"))
    #expect(line("time").contains("6 blocks of"))
    #expect(line("fits") == "fits       yes, as far as is known")
    #expect(line("disk").contains("; free now "))
    #expect(line("runtimes").contains("transformers: loads it"))
    #expect(lines.contains { $0.contains("vLLM: loads it") })
    #expect(!FileManager.default.fileExists(atPath: "unused"))
  }

  /// A model of another shape with random weights, and the example model's tokenizer.
  private func makeModel(_ folder: URL) throws {
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    for name in ["tokenizer.json", "tokenizer_config.json"] {
      try FileManager.default.copyItem(
        at: model.appending(path: name), to: folder.appending(path: name))
    }
    let (hidden, inner, keys, vocabulary) = (512, 1280, 128, 4096)
    let configuration: JSONValue = [
      "architectures": ["Qwen3ForCausalLM"], "model_type": "qwen3",
      "hidden_size": JSONValue(hidden),
      "intermediate_size": JSONValue(inner), "num_hidden_layers": 2, "num_attention_heads": 8,
      "num_key_value_heads": 2, "head_dim": 64, "vocab_size": JSONValue(vocabulary),
      "max_position_embeddings": 1024, "rms_norm_eps": 1e-6, "rope_theta": 10000.0,
      "hidden_act": "silu", "attention_bias": false, "tie_word_embeddings": false,
    ]
    try Data(configuration.text().utf8).write(to: folder.appending(path: "config.json"))
    var shapes: [(String, [Int])] = [
      ("model.embed_tokens", [vocabulary, hidden]), ("model.norm", [hidden]),
      ("lm_head", [vocabulary, hidden]),
    ]
    for block in 0..<2 {
      shapes += [
        ("input_layernorm", [hidden]), ("post_attention_layernorm", [hidden]),
        ("self_attn.q_proj", [512, hidden]), ("self_attn.k_proj", [keys, hidden]),
        ("self_attn.v_proj", [keys, hidden]), ("self_attn.o_proj", [hidden, 512]),
        ("self_attn.q_norm", [64]), ("self_attn.k_norm", [64]),
        ("mlp.gate_proj", [inner, hidden]), ("mlp.up_proj", [inner, hidden]),
        ("mlp.down_proj", [hidden, inner]),
      ].map { ("model.layers.\(block).\($0.0)", $0.1) }
    }
    var generator = SeededGenerator(seed: 5)
    var (header, data): ([JSONValue.Member], Data) = ([], Data())
    for (name, shape) in shapes {
      let start = data.count
      for _ in 0..<shape.reduce(1, *) {
        let value: Float = shape.count == 1 ? 1 : Float.random(in: -0.04...0.04, using: &generator)
        withUnsafeBytes(of: UInt16(value.bitPattern >> 16).littleEndian) {
          data.append(contentsOf: $0)
        }
      }
      header.append(
        .init(
          "\(name).weight",
          [
            "dtype": "BF16", "shape": .array(shape.map { JSONValue($0) }),
            "data_offsets": [JSONValue(start), JSONValue(data.count)],
          ]))
    }
    let text = Data(JSONValue.object(header).text().utf8)
    try (withUnsafeBytes(of: UInt64(text.count).littleEndian) { Data($0) } + text + data)
      .write(to: folder.appending(path: "model.safetensors"))
  }

  /// Memory to 15 %. Time is a matter of what else the machine does: here it must be of the right size
  /// only; `Scripts/check-plan` measures it where nothing else runs.
  @Test(
    arguments: [
      (false, ["--scheme", "W2A16_ASYM"]), (true, ["--scheme", "W4A16"]),
      (true, ["--lm-head", "quantize"]),
      (true, ["--gradient-accumulate-steps", "2", "--gradients", "full"]),
    ])
  func memoryAndTimeAreAsMeasured(_ isSynthetic: Bool, _ options: [String]) throws {
    try withTemporaryFolder { folder in
      let source = isSynthetic ? folder.appending(path: "model") : model
      if isSynthetic { try makeModel(source) }
      let arguments =
        [source.path, "--samples", "32", "--sequence-length", "256", "--iterations", "10"] + options
      let planned = try Invocation(["plan"] + arguments + ["--json"])
      #expect(planned.status == 0, "\(planned.errors)")
      let plan = try JSONValue.parse(planned.lastLine)
      let output = folder.appending(path: "out")
      let real = try Invocation(["quantize"] + arguments + ["--output", output.path, "--json"])
      #expect(real.status == 0, "\(real.errors)")
      let report = try JSONValue.parse(real.lastLine)
      #expect(plan["tensor_bytes"] == report["output_bytes"])
      let memory = try #require(plan["memory"]?["bytes"]?.doubleValue)
      let peak = try #require(report["peak_memory_bytes"]?.doubleValue)
      #expect(abs(memory / peak - 1) < 0.15, "planned \(memory), was \(peak)")
      let seconds = try #require(plan["time"]?["seconds"]?.doubleValue)
      let taken = try #require(report["seconds"]?.doubleValue)
      #expect((0.4...2.5).contains(seconds / taken), "planned \(seconds), was \(taken)")
    }
  }

  @Test func whatCannotFitIsRefused() throws {
    let plan = try QuantizationJob(model: model, modifier: AutoRoundModifier { $0.iterations = 0 })
      .plan(
        measuresTime: false)
    #expect(plan.time == nil)
    try plan.requireMemory(free: nil)
    try plan.requireMemory(free: 1 << 40)
    let error = #expect(throws: InputError.self) { try plan.requireMemory(free: 1 << 20) }
    #expect(error?.message.contains("ignoresLimits") == true)
  }

  @Test func whatDoesNotFitInMemoryGoesToTheDisk() throws {
    let modifier = try AutoRoundModifier { $0.iterations = 0 }
    let whole = try QuantizationJob(model: model, modifier: modifier).plan(measuresTime: false)
    #expect(whole.scratchByteCount == 2 * whole.memory.streams)
    #expect(whole.diskByteCount == whole.byteCount + whole.scratchByteCount)
    // A block fits with both streams in files: the streams are most of this run.
    var job = QuantizationJob(model: model, modifier: modifier)
    job.memoryBudget = MemoryBudget(byteCount: whole.memory.byteCount - whole.memory.streams / 4)
    let bounded = try job.plan(measuresTime: false)
    #expect(bounded.memory.streams == whole.memory.streams / 2)
    #expect(bounded.scratchByteCount == whole.scratchByteCount + whole.memory.streams / 2)
    #expect(bounded.warnings.contains { $0.contains("kept in a scratch file") })
  }

  @Test func aBusyMachineIsSaid() throws {
    var plan = try QuantizationJob(model: model, modifier: AutoRoundModifier { $0.iterations = 1 })
      .plan()
    plan.time?.processorShare = 0.5
    var time = try #require(plan.time)
    #expect(time.isOnBusyMachine)
    #expect(
      plan.lines(width: 100).contains {
        $0.contains("the machine is busy: the measured steps got 50 % of the processors' time")
      }, "\(plan.lines(width: 100))")
    #expect(plan.json["time"]?["processor_share"] == 0.5)
    time.processorShare = 0.9
    #expect(time.lines.count == 1)
  }

  @Test func helpIsThatOfPlan() throws {
    let run = try Invocation("plan", "--help")
    #expect(run.status == 0)
    #expect(run.output.contains("autoround plan Qwen3-0.6B"))
    let wrong = try Invocation("plan", model.path, "--samples", "many")
    #expect(wrong.status == 64)
    #expect(wrong.errors.contains("'many' is invalid"))
  }
}
