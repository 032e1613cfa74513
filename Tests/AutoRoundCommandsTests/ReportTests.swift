import Foundation
import JSONText
import TestSupport
import Testing

/// What a run tells about itself, while it runs and afterwards.
@Suite struct ReportTests {
  private let example = Fixtures.examples.appending(path: "books-llama-6m")

  /// What is read of a long card ends in the middle of a character.
  @Test(arguments: 0..<3)
  func aLongCardKeepsItsLicense(_ offset: Int) throws {
    try withTemporaryFolder { folder in
      let model = folder.appending(path: "model")
      try FileManager.default.copyItem(at: example, to: model)
      let card =
        "---\nlicense: mit\n---\n" + String(repeating: "x", count: offset)
        + String(repeating: "\u{4e2d}", count: 50_000)
      try Data(card.utf8).write(to: model.appending(path: "README.md"))
      // Other files of unusual size are copied.
      let template = model.appending(path: "chat_template.jinja")
      try Data("{{ messages }}".utf8).write(to: template)
      if offset == 0 { try FileHandle(forWritingTo: template).truncate(atOffset: 1 << 28) }
      let output = folder.appending(path: "out")
      let run = try Invocation("quantize", model.path, "--output", output.path, "--model-free")
      #expect(run.status == 0, "\(run.errors)")
      let written = try String(contentsOf: output.appending(path: "README.md"), encoding: .utf8)
      #expect(written.contains("license: mit\n"))
      #expect(
        try Data(contentsOf: output.appending(path: "chat_template.jinja"), options: .alwaysMapped)
          .count == (offset == 0 ? 1 << 28 : 14))
    }
  }

  @Test func writesReportAndCard() throws {
    try withTemporaryFolder { folder in
      let model = folder.appending(path: "books <6m>")
      try FileManager.default.copyItem(at: example, to: model)
      try Data(
        """
        ---
        license: apache-2.0
        language:
        - en
        tags:
        - something
        ---
        # A model
        """.utf8
      ).write(to: model.appending(path: "README.md"))
      let output = folder.appending(path: "books-W4A16")
      let (events, log) = (
        folder.appending(path: "events.jsonl"), folder.appending(path: "run.log")
      )
      let run = try Invocation(
        "quantize", model.path, "--output", output.path, "--samples", "3", "--sequence-length",
        "32", "--batch-size", "2", "--iterations", "3", "--learning-rate", "0.01", "--base-model",
        "someone/books",
        "--events", events.path, "--log", log.path)
      #expect(run.status == 0, "\(run.errors)")
      #expect(run.errors.contains("verified   "))
      #expect(run.errors.contains("held out   perplexity "))

      let report = try JSONValue.parse(
        Array(Data(contentsOf: output.appending(path: "quantization_report.json"))))
      #expect(report["base_model"] == "someone/books")
      #expect(report["run"]?["sequence_length"] == 32)
      #expect(report["run"]?["calibration_hash"]?.stringValue?.count == 16)
      #expect(report["command_line"]?.arrayValue?.contains("--base-model") == true)
      #expect(report["program"]?["version"]?.stringValue?.isEmpty == false)
      let result = try #require(report["result"])
      #expect(
        result["blocks"]?.arrayValue?.map { $0["losses"]?.arrayValue?.count } == [3, 3, 3, 3, 3, 3])
      #expect(
        result["blocks"]?.arrayValue?.map { $0["layer_bits"]?.arrayValue?.count }
          == [7, 7, 7, 7, 7, 7])
      let heldOut = try #require(result["held_out"])
      #expect(heldOut["tokens"] == 2015)
      #expect(heldOut["kl_divergence_by_position"]?["positions"] == 31)
      #expect(heldOut["rounded_kl_divergence_by_position"]?["means"]?.arrayValue?.count == 31)
      let (ours, theirs) = (
        heldOut["perplexity"]?.doubleValue, heldOut["reference_perplexity"]?.doubleValue
      )
      #expect(abs(try #require(ours) / (try #require(theirs)) - 1) < 0.2)
      #expect((heldOut["kl_divergence_mean"]?.doubleValue ?? 0) > 0)
      #expect((report["tensors"]?.objectValue?.count ?? 0) > 100)

      let card = try String(contentsOf: output.appending(path: "README.md"), encoding: .utf8)
      let parts = card.components(separatedBy: "---\n")
      #expect(parts.count == 3)
      #expect(
        parts[1] == """
          base_model: "someone/books"
          base_model_relation: quantized
          license: apache-2.0
          language:
          - en
          pipeline_tag: text-generation
          library_name: transformers
          tags:
          - autoround
          - compressed-tensors
          - quantized
          - vllm

          """)
      #expect(card.contains("vllm serve books-W4A16\n"))
      #expect(card.contains("from_pretrained(\"books-W4A16\""))

      let page = try String(contentsOf: output.appending(path: "report.html"), encoding: .utf8)
      #expect(
        page.contains("<svg") && page.contains("<polyline") && page.contains("class=\"tuned\""))
      #expect(page.contains("class=\"rounded\"") && page.contains("oneDNN "))
      #expect(page.contains("self_attn.q_proj") && page.contains("All of these layers have codes"))
      #expect(report["run"]?["matrix_library"]?.stringValue?.hasPrefix("oneDNN ") == true)
      #expect(report["program"]?["compiler"]?.stringValue?.isEmpty == false)
      #expect(report["program"]?["system"]?.stringValue?.isEmpty == false)
      #expect(page.contains("books &lt;6m&gt;") && !page.contains("<6m>"))
      // Nothing is loaded from elsewhere.
      #expect(!page.contains("http") && !page.contains("src=") && !page.contains("<script"))

      let lines = try String(contentsOf: events, encoding: .utf8).split(separator: "\n")
      let names = try lines.map { try JSONValue.parse(Array($0.utf8))["event"]?.stringValue }
      #expect(names.first == "started" && names.last == "finished")
      #expect(names.count { $0 == "iteration" } == 18)
      #expect(names.count { $0 == "block_finished" } == 6)
      let text = try String(contentsOf: log, encoding: .utf8)
      #expect(text.contains("block 6/6") && text.contains("written    \(output.path)"))
      #expect(!text.contains("\u{1B}"))
    }
  }

  @Test func servingCommandsMatchTheFormat() throws {
    try withTemporaryFolder { folder in
      let output = folder.appending(path: "books-W4A16")
      let recipe = folder.appending(path: "recipe.yaml")
      try """
      AutoRoundModifier:
        ignore: [lm_head]
        config_groups: {a: {targets: [Linear], weights: {num_bits: 8, strategy: tensor}}}
      """.write(to: recipe, atomically: true, encoding: .utf8)
      let run = try Invocation(
        "quantize", example.path, "--output", output.path, "--recipe", recipe.path, "--samples",
        "2",
        "--sequence-length", "16", "--iterations", "0", "--held-out", "0")
      #expect(run.status == 0, "\(run.errors)")
      let card = try String(contentsOf: output.appending(path: "README.md"), encoding: .utf8)
      #expect(
        card.contains("vLLM: does not load it, it has no kernels for one scale for a whole tensor"))
      #expect(!card.contains("vllm serve") && !card.contains("- vllm"))
      #expect(card.contains("transformers: loads it"))
      let report = try JSONValue.parse(
        Array(Data(contentsOf: output.appending(path: "quantization_report.json"))))
      #expect(report["result"]?["held_out"] == nil)
      #expect(report["base_model"] == "books-llama-6m")
    }
  }

  @Test func errorsAreInTheLogToo() throws {
    try withTemporaryFolder { folder in
      let (events, log) = (
        folder.appending(path: "events.jsonl"), folder.appending(path: "run.log")
      )
      for _ in 0..<2 {
        let run = try Invocation(
          "quantize", "/nowhere/at/all", "--output", folder.appending(path: "out").path, "--events",
          events.path, "--log", log.path)
        #expect(run.status == 1)
      }
      // A second run adds to what the first has written.
      let lines = try String(contentsOf: events, encoding: .utf8).split(separator: "\n")
      #expect(lines.count == 2)
      #expect(try JSONValue.parse(Array(lines[1].utf8))["event"] == "failed")
      #expect(try String(contentsOf: log, encoding: .utf8).contains("  error: /nowhere/at/all"))
      let run = try Invocation(
        "quantize", example.path, "--output", folder.appending(path: "out").path, "--log",
        folder.path)
      #expect(run.status == 1)
      #expect(run.errors.contains("cannot be written"))
    }
  }
}
