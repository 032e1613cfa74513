import CPU
import Compute
import Foundation
import JSONText
import Recordings
import TestSupport
import Testing

@Suite struct EvaluateTests {
  private let model = Fixtures.examples.appending(path: "books-llama-6m").path

  /// The first part of the evaluation text, in a file of its own.
  private func excerpt(in folder: URL) throws -> String {
    let source = Fixtures.examples.appending(path: "data/evaluation.txt")
    let file = folder.appending(path: "text.txt")
    try Data(String(contentsOf: source, encoding: .utf8).prefix(8000).utf8).write(to: file)
    return file.path
  }

  @Test func textMayComeThroughAPipe() throws {
    try withTemporaryFolder { folder in
      let text = try excerpt(in: folder)
      let command =
        "\(CommandRun.product("autoround").path) evaluate \(model) --sequence-length 64 --json --text "
      let run = try CommandRun(
        URL(filePath: "/bin/bash"),
        [
          "-c",
          "mkfifo p; (sleep 0.5; cat \(text) > p) & \(command) p; \(command) <(cat \(text)); \(command) \(text)",
        ], in: folder)
      #expect(run.status == 0, "\(run.standardError)")
      let perplexities = try run.standardOutput.split(separator: "\n").map {
        try JSONValue.parse(String($0))["perplexity"]
      }
      #expect(
        perplexities.count == 3 && perplexities.everySatisfies { $0 == perplexities[0] },
        "\(run.standardOutput)")
    }
  }

  @Test func printsLinesOrOneObject() throws {
    try withTemporaryFolder { folder in
      let text = try excerpt(in: folder)
      let json = try Invocation(
        "evaluate", model, "--text", text, "--sequence-length", "64", "--json")
      #expect(json.status == 0, "\(json.errors)")
      #expect(json.errors.isEmpty)
      let report = try JSONValue.parse(json.lastLine)
      let perplexity = try #require(report["perplexity"]?.doubleValue)
      let tokens = try #require(report["tokens"]?.intValue)
      // A model of books on a book: far below chance, which is 4096, and far above certainty.
      #expect((20...200).contains(perplexity))
      #expect(tokens % 63 == 0 && tokens > 630)
      #expect(report["kl_divergence_mean"] == nil)

      let exact = try Invocation(
        "evaluate", model, "--text", text, "--sequence-length", "64", "--json", "--compute", "f32",
        "--threads", "1")
      let figures = try JSONValue.parse(exact.lastLine)
      let precise = try #require(figures["perplexity"]?.doubleValue)
      #expect(abs(precise / perplexity - 1) < 0.01)
      #expect((precise != perplexity) == ComputeType.bfloat16.isAvailable)

      let compared = try Invocation(
        "evaluate", model, "--text", text, "--sequence-length", "64", "--against", model, "--json")
      let comparison = try JSONValue.parse(compared.lastLine)
      #expect(comparison["perplexity"] == report["perplexity"])
      #expect(comparison["kl_divergence_mean"]?.doubleValue.map { abs($0) < 1e-6 } == true)
      #expect(comparison["kl_divergence_p99"]?.doubleValue.map { abs($0) < 1e-6 } == true)
      #expect(comparison["same_top_token"]?.doubleValue == 1)

      let lines = try Invocation(
        "evaluate", model, "--text", text, "--sequence-length", "64", "--against", model)
      #expect(lines.output.contains("tokens, windows of 64\n"))
      #expect(lines.output.contains("\nsame top token  100.0 %\n"))
    }
  }

  /// Two words that share the rest of the vocabulary: the numbers would mean nothing.
  @Test func anotherTokenizerIsNotComparedWith() throws {
    try withTemporaryFolder { folder in
      let (text, other) = (try excerpt(in: folder), folder.appending(path: "other"))
      try FileManager.default.copyItem(at: URL(filePath: model), to: other)
      let arguments = ["evaluate", model, "--text", text, "--sequence-length", "64"]
      let file = other.appending(path: "tokenizer.json")
      let tokenizer = try JSONValue.parse(contentsOf: file)
      // Written in another way, it is still the same one.
      try Data(tokenizer.text(indentation: 4).utf8).write(to: file)
      #expect(try Invocation(arguments + ["--against", other.path]).status == 0)

      var (changed, models) = (tokenizer, try #require(tokenizer["model"]))
      let members = try #require(models["vocab"]?.objectValue)
      let ids = Dictionary(uniqueKeysWithValues: members.map { ($0.key, $0.value) })
      var vocabulary = try #require(models["vocab"])
      vocabulary.set("e", try #require(ids["t"]))
      vocabulary.set("t", try #require(ids["e"]))
      models.set("vocab", vocabulary)
      changed.set("model", models)
      try Data(changed.text().utf8).write(to: file)
      let run = try Invocation(arguments + ["--against", other.path])
      #expect(run.status == 1)
      #expect(
        run.errors.contains("other/tokenizer.json: makes other tokens of the text"), "\(run.errors)"
      )

      try FileManager.default.removeItem(at: file)
      #expect(try Invocation(arguments + ["--against", other.path]).status == 0)
    }
  }

  @Test func saysWhatIsWrong() throws {
    try withTemporaryFolder { folder in
      let text = try excerpt(in: folder)
      for (arguments, message) in [
        (["/nonexistent", "--text", text], "error: /nonexistent: there is no such folder\n"),
        ([model, "--text", "/nonexistent"], "error: /nonexistent: "),
        (
          [model, "--text", text, "--sequence-length", "4000"],
          "error: --sequence-length: found 4000"
        ),
      ] {
        let run = try Invocation(["evaluate"] + arguments)
        #expect(run.status == 1)
        #expect(run.output.isEmpty)
        #expect(run.errors.hasPrefix(message), "\(run.errors)")
      }
    }
  }
}

@Suite struct GenerateTests {
  private let model = Fixtures.examples.appending(path: "books-llama-6m").path

  @Test func continuesAPrompt() throws {
    let arguments = [
      "generate", model, "--prompt", "It was a dark night, and", "--max-tokens", "8",
    ]
    let first = try Invocation(arguments)
    #expect(first.status == 0, "\(first.errors)")
    #expect(first.output.hasPrefix(" "))
    #expect(first.output.hasSuffix("\n"))
    #expect(first.output.count > 10)
    #expect(try Invocation(arguments).output == first.output)

    let exact = try Invocation(arguments + ["--compute", "f32", "--threads", "1"])
    #expect(exact.status == 0 && exact.output.hasPrefix(" "), "\(exact.errors)")
    #expect(try Invocation(arguments + ["--threads", "0"]).status == 64)

    let drawn = try Invocation(arguments + ["--temperature", "1.5"])
    #expect(drawn.status == 0)
    #expect(drawn.output != first.output)
    #expect(try Invocation(arguments + ["--temperature", "1.5"]).output == drawn.output)
  }

  @Test func saysWhatIsWrong() throws {
    let run = try Invocation("generate", model, "--prompt", "")
    #expect(run.status == 1)
    #expect(run.output.isEmpty)
    #expect(run.errors.hasPrefix("error: --prompt: has 0 tokens"))
  }
}
