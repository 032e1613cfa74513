import Foundation
import JSONText
import TestSupport
import Testing

/// Weights that are rounded as they lie in the files, whatever the model computes.
@Suite(.serialized) struct ModelFreeTests {
  private let model = Fixtures.examples.appending(path: "books-llama-6m").path

  /// The example model under the name of an architecture that nobody knows.
  private func unknownModel(in folder: URL) throws -> URL {
    let copy = folder.appending(path: "unknown")
    try FileManager.default.copyItem(at: URL(filePath: model), to: copy)
    let file = copy.appending(path: "config.json")
    var configuration = try JSONValue.parse(contentsOf: file)
    configuration.set("model_type", "something-new")
    try Data(configuration.text().utf8).write(to: file)
    return copy
  }

  private func tensors(_ checkpoint: URL) throws -> Data {
    try Data(contentsOf: checkpoint.appending(path: "model.safetensors"))
  }

  /// Plain rounding does not depend on calibration: both ways give the same bytes.
  @Test(arguments: ["W4A16", "W3A16_ASYM", "FP8_DYNAMIC", "FP8_BLOCK", "MXFP8", "NVFP4A16"])
  func roundsAsAKnownModelIsRounded(scheme: String) throws {
    try withTemporaryFolder { folder in
      let unknown = try unknownModel(in: folder)
      let (free, known) = (folder.appending(path: "free"), folder.appending(path: "known"))
      let plain = ["--scheme", scheme, "--iterations", "0", "--disable-opt-rtn"]
      let run = try Invocation(["quantize", unknown.path, "--output", free.path] + plain)
      #expect(run.status == 0, "\(run.errors)")
      let calibrated = try Invocation(
        ["quantize", model, "--output", known.path, "--samples", "2", "--sequence-length", "16"]
          + plain)
      #expect(calibrated.status == 0, "\(calibrated.errors)")
      #expect(try tensors(free) == tensors(known))
      let verified = try Invocation("verify", free.path, "--source", unknown.path)
      #expect(verified.status == 0, "\(verified.output)\(verified.errors)")
      #expect(try Invocation("inspect", free.path).status == 0)
    }
  }

  @Test func isPlannedToTheByte() throws {
    try withTemporaryFolder { folder in
      let unknown = try unknownModel(in: folder)
      let output = folder.appending(path: "out")
      let arguments = [unknown.path, "--output", output.path, "--iterations", "0"]
      let planned = try Invocation(["plan"] + arguments + ["--json"])
      #expect(planned.status == 0, "\(planned.errors)")
      let plan = try JSONValue.parse(planned.lastLine)
      // Not a child of this process, whose own memory would count as that of the run.
      let run = try CommandRun(
        URL(filePath: "/bin/bash"),
        ["-c", "\"$0\" \"$@\"; exit $?", CommandRun.product("autoround").path, "quantize"]
          + arguments + ["--json"])
      #expect(run.status == 0, "\(run.errors)")
      let report = try JSONValue.parse(run.lastLine)
      #expect(plan["tensor_bytes"] == report["output_bytes"])
      #expect(plan["bits_per_weight"] == report["bits_per_weight"])
      #expect(plan["runtimes"] == report["verification"]?["runtimes"])
      #expect(plan["time"] == .null)
      let about = ["README.md", "report.html", "quantization_report.json"]
      let files = try names(in: output).filter { !about.contains($0) }
      let bytes = try files.reduce(0) {
        $0 + (try Data(contentsOf: output.appending(path: $1)).count)
      }
      #expect(plan["bytes"]?.intValue == bytes)
      let memory = try #require(plan["memory"]?["bytes"]?.doubleValue)
      let peak = try #require(report["peak_memory_bytes"]?.doubleValue)
      #expect(abs(memory / peak - 1) < 0.15, "planned \(memory), was \(peak)")
    }
  }

  @Test func canBeAskedForAndSearchesScales() throws {
    try withTemporaryFolder { folder in
      let (plain, searched) = (folder.appending(path: "plain"), folder.appending(path: "searched"))
      let first = try Invocation(
        "quantize", model, "--output", plain.path, "--model-free", "--disable-opt-rtn", "--json")
      #expect(first.status == 0, "\(first.errors)")
      #expect(try JSONValue.parse(first.lastLine)["bits_per_weight"] == 4.125)
      let second = try Invocation("quantize", model, "--output", searched.path, "--model-free")
      #expect(second.status == 0, "\(second.errors)")
      #expect(try tensors(plain) != tensors(searched))
      let report = try Invocation(
        "evaluate", searched.path, "--text",
        Fixtures.examples.appending(path: "data/evaluation.txt").path, "--sequence-length", "512",
        "--json")
      let perplexity = try JSONValue.parse(report.lastLine)["perplexity"]?.doubleValue ?? 0
      #expect((47...49).contains(perplexity))
    }
  }

  @Test func saysWhatNeedsAModelThatRuns() throws {
    try withTemporaryFolder { folder in
      let unknown = try unknownModel(in: folder)
      let output = folder.appending(path: "out").path
      func errors(_ more: String...) throws -> String {
        let run = try Invocation(["quantize", unknown.path, "--output", output] + more)
        #expect(run.status == 1)
        return run.errors
      }
      #expect(try errors().contains("with 0 iterations its weights are rounded without running it"))
      #expect(
        try errors("--iterations", "0", "--scheme", "FP8").contains("input_activations.dynamic"))
      #expect(
        try errors("--model-free", "--scheme", "NVFP4").contains("input_activations.dynamic"))
      #expect(try errors("--model-free", "--iterations", "5").contains("expected 0"))
      #expect(try errors("--model-free", "--lm-head", "quantize").contains("--lm-head"))
      #expect(!FileManager.default.fileExists(atPath: output))
    }
  }
}
