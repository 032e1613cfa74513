import Foundation
import JSONText
import TestSupport
import Testing

/// What a run and its plan say about options and results that will disappoint.
@Suite struct AdviceTests {
  private let model = Fixtures.examples.appending(path: "books-llama-6m")
  private let untied = Fixtures.folder.appending(path: "models/llama")

  private func plan(_ model: URL, _ options: String...) throws -> Invocation {
    try plan(model, options)
  }

  private func plan(_ model: URL, _ options: [String]) throws -> Invocation {
    let run = try Invocation(
      ["plan", model.path, "--samples", "2", "--sequence-length", "16", "--batch-size", "2"]
        + options)
    #expect(run.status == 0, "\(run.errors)")
    return run
  }

  /// A run on little data; what it says and its report.
  private func quantize(
    _ output: URL, _ options: [String]
  ) throws -> (run: Invocation, report: JSONValue) {
    let run = try Invocation(
      ["quantize", model.path, "--output", output.path, "--samples", "4", "--json"]
        + ["--sequence-length", "64", "--batch-size", "2", "--threads", "1"] + options)
    #expect(run.status == 0, "\(run.errors)")
    return (run, try JSONValue.parse(run.lastLine))
  }

  private func warnings(_ report: JSONValue) -> [String] {
    report["warnings"]?.arrayValue?.compactMap(\.stringValue) ?? []
  }

  @Test func largeStepsAreNamed() throws {
    let few = try plan(model, "--iterations", "3").output
    #expect(few.contains("warning: --iterations 3 (iters in a recipe) makes the first step 1/3"))
    #expect(few.contains("--iterations 50 or more"))
    let large = try plan(model, "--learning-rate", "0.1").output
    #expect(large.contains("warning: --learning-rate 0.1 (lr in a recipe) is above 1/50"))
    for options in [["--iterations", "50"], ["--preset", "light"], ["--iterations", "0"]] {
      let fine = try plan(model, options[0], options[1]).output
      #expect(!fine.contains("1/50"), "\(fine)")
    }
    try withTemporaryFolder { folder in
      let (run, report) = try quantize(folder.appending(path: "out"), ["--iterations", "2"])
      #expect(run.errors.contains("warning: --iterations 2"))
      #expect(warnings(report).contains { $0.hasPrefix("--iterations 2") })
    }
  }

  /// The first step is taken from rounding to nearest, so one step leaves every block there.
  @Test func blocksThatTuningDidNotHelpAreNamedInOneLine() throws {
    try withTemporaryFolder { folder in
      let (_, report) = try quantize(
        folder.appending(path: "out"), ["--iterations", "1", "--held-out", "0"])
      let told = warnings(report).filter { $0.contains("did not lower the loss") }
      #expect(told.count == 1)
      #expect(
        told.first?.contains(
          "model.layers.0, model.layers.1, model.layers.2, model.layers.3 and 2 more, of 6 blocks")
          == true, "\(told)")
    }
  }

  /// What is measured beside the result is what plain rounding gives.
  @Test(arguments: ["W4A16", "W3A16_ASYM", "NVFP4A16"])
  func roundingIsMeasuredBesideTheResult(_ scheme: String) throws {
    try withTemporaryFolder { folder in
      let options = ["--scheme", scheme]
      let (run, tuned) = try quantize(
        folder.appending(path: "tuned"), options + ["--iterations", "8"])
      let (_, plain) = try quantize(
        folder.appending(path: "plain"), options + ["--iterations", "0", "--disable-opt-rtn"])
      let (found, expected) = (try #require(tuned["held_out"]), try #require(plain["held_out"]))
      #expect((found["tokens"]?.intValue ?? 0) >= 2000)
      #expect(found["rounded_perplexity"] == expected["perplexity"])
      #expect(found["rounded_kl_divergence_mean"] == expected["kl_divergence_mean"])
      #expect(found["perplexity"] != expected["perplexity"])
      #expect(expected["rounded_perplexity"] == nil)
      #expect(run.errors.contains("\nrounded    perplexity "))
      for file in ["README.md", "report.html"] {
        let text = try String(
          contentsOf: folder.appending(path: "tuned/\(file)"), encoding: .utf8)
        #expect(text.contains("plain rounding, the same text"))
      }
    }
  }

  @Test func aResultWorseThanRoundingIsSaid() throws {
    try withTemporaryFolder { folder in
      // Steps of half the grid on two samples, judged by the samples themselves.
      let (run, report) = try quantize(
        folder.appending(path: "out"),
        ["--samples", "2", "--batch-size", "1", "--iterations", "30", "--learning-rate", "0.5"])
      let heldOut = try #require(report["held_out"])
      let divergence = try #require(heldOut["kl_divergence_mean"]?.doubleValue)
      let rounded = try #require(heldOut["rounded_kl_divergence_mean"]?.doubleValue)
      try #require(divergence > rounded, "the test needs a bad result")
      #expect(
        run.errors.contains("warning: on held-out text the result is worse than plain rounding"))
      #expect(
        warnings(report).contains { $0.contains("worse than plain rounding: KL divergence ") })
    }
  }

  /// A token that a layer answers with hidden states far larger than others carries the loss.
  @Test func massiveTokensAreNamed() throws {
    try withTemporaryFolder { folder in
      let massive = folder.appending(path: "massive")
      try FileManager.default.copyItem(at: model, to: massive)
      // Normalized, this token is all in one column, and what the MLP makes of it grows with the square.
      try scale("model.embed_tokens.weight", in: massive) { row, column in
        row == 7 ? (column == 0 ? 1e4 : 0) : 1
      }
      for name in ["gate_proj", "up_proj"] {
        try scale("model.layers.0.mlp.\(name).weight", in: massive) { $1 == 0 ? 30 : 1 }
      }
      let samples = folder.appending(path: "samples.jsonl")
      let lines = (0..<4).map { sample in
        "{\"input_ids\": \([7] + (1..<64).map { 100 + (sample * 977 + $0 * 31) % 3000 })}\n"
      }
      try Data(lines.joined().utf8).write(to: samples)
      func warnings(_ model: URL, _ name: String) throws -> [String] {
        let run = try Invocation(
          "quantize", model.path, "--output", folder.appending(path: name).path, "--calibration",
          samples.path, "--samples", "4", "--sequence-length", "64", "--iterations", "1",
          "--threads", "1", "--held-out", "0", "--json")
        #expect(run.status == 0, "\(run.errors)")
        return self.warnings(try JSONValue.parse(run.lastLine))
          .filter { $0.contains("massive activations") }
      }
      let told = try warnings(massive, "a")
      #expect(told.count == 1)
      #expect(
        told.first?.contains("carries most of the loss of model.layers.0") == true, "\(told)")
      #expect(try warnings(model, "b").isEmpty)
    }
  }

  /// Multiplies the elements of one of the example model's matrices, by row and column.
  private func scale(
    _ name: String, in folder: URL, by factor: (Int, Int) -> Float
  ) throws {
    let file = folder.appending(path: "model.safetensors")
    var data = try Data(contentsOf: file)
    let length = data.prefix(8).reversed().reduce(0) { $0 << 8 | Int($1) }
    let info = try #require(try JSONValue.parse(Array(data[8..<8 + length]))[name])
    let shape = try #require(info["shape"]?.arrayValue).compactMap(\.intValue)
    let begin = try #require(info["data_offsets"]?.arrayValue?[0].intValue)
    for element in 0..<shape[0] * shape[1] {
      let factor = factor(element / shape[1], element % shape[1])
      guard factor != 1 else { continue }
      let place = 8 + length + begin + 2 * element
      let pattern = UInt32(data[place]) << 16 | UInt32(data[place + 1]) << 24
      let scaled = (Float(bitPattern: pattern) * factor).bitPattern
      (data[place], data[place + 1]) = (UInt8(scaled >> 16 & 0xFF), UInt8(scaled >> 24))
    }
    try data.write(to: file)
  }

  @Test func theHeadIsMentionedToThoseWhoNameIt() throws {
    try withTemporaryFolder { folder in
      func recipe(_ text: String) throws -> String {
        let file = folder.appending(path: "recipe.yaml")
        try Data("AutoRoundModifier: {scheme: W4A16, iters: 0\(text)}\n".utf8).write(to: file)
        return file.path
      }
      let quiet = [["--ignore", "re:.*down_proj"], ["--recipe", try recipe("")]]
      for source in [model, untied] {
        for options in quiet {
          let text = try plan(source, options[0], options[1]).output
          #expect(!text.contains("warning: lm_head"), "\(text)")
        }
      }
      let named = try recipe(", targets: [Linear, lm_head]")
      #expect(
        try plan(model, "--recipe", named).output
          .contains("warning: lm_head is the embedding (tied) and stays as it is\n"))
      #expect(
        try plan(untied, "--recipe", named).output
          .contains("warning: lm_head stays as it is; ask for it with --lm-head quantize"))

      let asked = try Invocation(
        "plan", model.path, "--recipe", try recipe(", quant_lm_head: true"))
      #expect(asked.status == 1)
      #expect(asked.errors.contains("quant_lm_head: lm_head: the head shares its weights"))
      #expect(!asked.errors.contains("--lm-head"))
      let flag = try Invocation("plan", model.path, "--lm-head", "quantize")
      #expect(flag.errors.contains("--lm-head: lm_head: the head shares its weights"))
    }
  }

  @Test func withoutIterationsNothingIsSaidAboutThem() throws {
    try withTemporaryFolder { folder in
      func text(_ name: String, _ options: [String]) throws -> (errors: String, card: String) {
        let output = folder.appending(path: name)
        let run = try quantize(output, options + ["--held-out", "0"]).run
        return (
          run.errors, try String(contentsOf: output.appending(path: "README.md"), encoding: .utf8)
        )
      }
      let searched = try text("a", ["--iterations", "0"])
      #expect(
        searched.errors.contains("tuning       none; rounded with the scales that lose least\n"))
      #expect(searched.card.contains("| tuning | none; rounded with the scales that lose least |"))
      #expect(!searched.errors.contains("0 iterations"))
      let plain = try text("b", ["--iterations", "0", "--disable-opt-rtn"])
      #expect(plain.errors.contains("tuning       none; rounded to nearest\n"))
      // There is no search for the scales of FP8.
      let float = try text("c", ["--iterations", "0", "--scheme", "FP8_DYNAMIC"])
      #expect(float.errors.contains("tuning       none; rounded to nearest\n"))
      #expect(float.errors.contains("rounded plainly to nearest: there is no search for"))
    }
  }

  /// What is not searched for is said beforehand, and what is said to be searched is.
  @Test func asymmetricIntegersAreSearchedWhereThatIsSaid() throws {
    let remark = "rounded plainly to nearest: there is no search for the scales of asymmetric"
    for options in [["--iterations", "0"], ["--model-free"]] {
      let rounded = try plan(model, ["--scheme", "W4A16_ASYM"] + options).output
      #expect(rounded.contains(remark), "\(rounded)")
      let searched = try plan(model, ["--scheme", "W2A16_ASYM"] + options).output
      #expect(!searched.contains(remark), "\(searched)")
    }

    try withTemporaryFolder { folder in
      let options = ["--scheme", "W2A16_ASYM", "--iterations", "0"]
      let searched = try quantize(folder.appending(path: "searched"), options).report
      let plain = try quantize(
        folder.appending(path: "plain"), options + ["--disable-opt-rtn"]
      ).report
      func divergence(_ report: JSONValue) throws -> Double {
        try #require(report["held_out"]?["kl_divergence_mean"]?.doubleValue)
      }
      #expect(try divergence(searched) < 0.9 * divergence(plain))
    }
  }
}
