import Foundation
import JSONText
import TestSupport
import Testing

/// The program from a checkpoint to a quantized one, on as little data as possible.
@Suite struct QuantizeTests {
  private let model = Fixtures.examples.appending(path: "books-llama-6m").path

  @Test func quantizes() throws {
    try withTemporaryFolder { folder in
      let output = folder.appending(path: "out")
      let run = try Invocation(
        "quantize", model, "--output", output.path, "--scheme", "W3A16", "--samples", "3",
        "--sequence-length", "32", "--batch-size", "2", "--iterations", "2", "--compute", "f32",
        "--json")
      #expect(run.status == 0, "\(run.errors)")
      let report = try JSONValue.parse(run.lastLine)
      let blocks = try #require(report["blocks"]?.arrayValue)
      #expect(blocks.count == 6)
      for block in blocks {
        for key in ["initial_loss", "best_loss", "rtn_loss"] {
          #expect((block[key]?.doubleValue ?? -1) > 0, "\(key) in \(block)")
        }
        #expect((0...1).contains(block["best_iteration"]?.intValue ?? -1))
      }
      #expect(report["bits_per_weight"] == 3.125)
      #expect((report["seconds"]?.doubleValue ?? 0) > 0)
      #expect((report["peak_memory_bytes"]?.intValue ?? 0) > 1 << 20)
      #expect(run.errors.contains("6 blocks"))
      #expect(run.errors.contains("block 6/6"))
      #expect(!run.errors.contains("\u{1B}"), "a file gets no colours")

      // What was written is a checkpoint of the size that was reported.
      let summary = try JSONValue.parse(
        Invocation("inspect", output.path, "--json").lastLine)
      #expect(summary["bytes"] == report["output_bytes"])
      #expect(summary["quantization"]?["bits_per_weight"] == 3.125)
      #expect(summary["parameters"] == 5_770_496)
      let recipe = try String(
        contentsOf: output.appending(path: "recipe.yaml"), encoding: .utf8)
      #expect(recipe.contains("      scheme: W3A16\n"))
      #expect(recipe.contains("      iters: 2\n"))

      // It is not replaced unless that is asked for.
      let again = try Invocation("quantize", model, "--output", output.path)
      #expect(again.status == 1)
      #expect(again.errors.contains("error: \(output.path)"))
    }
  }

  @Test func sameSeedSameBytes() throws {
    try withTemporaryFolder { folder in
      for name in ["a", "b"] {
        let run = try Invocation(
          "quantize", model, "--output", folder.appending(path: name).path, "--samples", "2",
          "--sequence-length", "32", "--batch-size", "1", "--iterations", "2")
        #expect(run.status == 0, "\(run.errors)")
      }
      let files = try ["a", "b"].map {
        try Data(contentsOf: folder.appending(path: "\($0)/model.safetensors"))
      }
      #expect(files[0] == files[1])
    }
  }

  @Test func followsARecipe() throws {
    try withTemporaryFolder { folder in
      let recipe = folder.appending(path: "recipe.yaml")
      try Data(
        """
        a_stage:
          modifiers:
            AutoRoundModifier:
              iters: 0
              enable_torch_compile: false
              config_groups:
                mlp: {targets: ['re:.*down_proj$'], weights: {num_bits: 2, group_size: 64}}
        """.utf8
      ).write(to: recipe)
      let records = folder.appending(path: "data.jsonl")
      try Data(#"{"input_ids": [1, 2, 3, 4, 5, 6, 7, 8]}"#.utf8).write(to: records)
      let output = folder.appending(path: "out")
      let run = try Invocation(
        "quantize", model, "--output", output.path, "--recipe", recipe.path, "--calibration",
        records.path, "--sequence-length", "8", "--json")
      #expect(run.status == 0, "\(run.errors)")
      #expect(run.errors.contains("warning: \(recipe.path): line 5"))
      #expect(run.errors.contains("128 were asked for"))
      let summary = try JSONValue.parse(
        Invocation("inspect", output.path, "--json").lastLine)
      let groups = try #require(summary["quantization"]?["groups"]?.arrayValue)
      #expect(groups.count == 1)
      #expect(groups[0]["layers"] == 6)
      #expect(groups[0]["bits_per_weight"] == 2.25)
    }
  }

  @Test func saysWhatIsWrong() throws {
    try withTemporaryFolder { folder in
      let output = folder.appending(path: "out").path
      let scheme = try Invocation("quantize", model, "--output", output, "--scheme", "W4A17")
      #expect(scheme.status == 64)
      #expect(
        scheme.errors.hasPrefix("error: --scheme: unknown scheme 'W4A17'; did you mean W4A16?"))

      let recipe = folder.appending(path: "recipe.yaml")
      try Data("AutoRoundModifier:\n  itres: 5".utf8).write(to: recipe)
      let typo = try Invocation("quantize", model, "--output", output, "--recipe", recipe.path)
      #expect(typo.status == 1)
      #expect(
        typo.errors
          == "error: \(recipe.path): line 2, column 3: 'itres' is not a key of AutoRoundModifier; "
          + "did you mean 'iters'?\n")

      let data = folder.appending(path: "data.jsonl")
      try Data("{\"text\": \"a\"}\n{".utf8).write(to: data)
      let broken = try Invocation(
        "quantize", model, "--output", output, "--calibration", data.path)
      #expect(broken.status == 1)
      #expect(broken.errors.contains("error: \(data.path): line 2, column"))
      #expect(!FileManager.default.fileExists(atPath: output))
    }
  }
}
