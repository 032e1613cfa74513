import Foundation
import JSONText
import TestSupport
import Testing

/// Quantized checkpoints laid out anew without being tuned again.
@Suite(.serialized) struct ConvertTests {
  private let model = Fixtures.examples.appending(path: "books-llama-6m").path

  private func round(_ scheme: String, to output: URL) throws {
    let run = try Invocation(
      "quantize", model, "--output", output.path, "--scheme", scheme, "--model-free")
    #expect(run.status == 0, "\(run.errors)")
  }

  private func convert(_ checkpoint: URL, _ format: String, to output: URL) throws {
    let run = try Invocation(
      "convert", checkpoint.path, "--format", format, "--output", output.path)
    #expect(run.status == 0, "\(run.errors)")
    #expect(run.output.contains("layers     42"))
  }

  private func perplexity(_ checkpoint: URL, in folder: URL) throws -> Double {
    let text = folder.appending(path: "text.txt")
    let all = try String(
      contentsOf: Fixtures.examples.appending(path: "data/evaluation.txt"), encoding: .utf8)
    try String(all.prefix(6000)).write(to: text, atomically: true, encoding: .utf8)
    let run = try Invocation(
      "evaluate", checkpoint.path, "--text", text.path, "--sequence-length", "128", "--json")
    #expect(run.status == 0, "\(run.errors)")
    return try #require(try JSONValue.parse(run.lastLine)["perplexity"]?.doubleValue)
  }

  @Test(arguments: ["W4A16", "W3A16_ASYM"]) func integersGoThereAndBack(scheme: String) throws {
    try withTemporaryFolder { folder in
      let urls = ["packed", "bytes", "again", "dense"].map { folder.appending(path: $0) }
      try round(scheme, to: urls[0])
      try convert(urls[0], "int-quantized", to: urls[1])
      try convert(urls[1], "pack-quantized", to: urls[2])
      try convert(urls[0], "dense", to: urls[3])
      for file in ["model.safetensors", "recipe.yaml", "tokenizer.json"] {
        #expect(
          try Data(contentsOf: urls[0].appending(path: file))
            == Data(contentsOf: urls[2].appending(path: file)))
      }
      let verified = try Invocation("verify", urls[1].path, "--source", model)
      #expect(verified.status == 0, "\(verified.output)\(verified.errors)")
      let configuration = try JSONValue.parse(contentsOf: urls[1].appending(path: "config.json"))
      #expect(configuration["quantization_config"]?["format"] == "int-quantized")
      let expected = try perplexity(urls[0], in: folder)
      for url in urls.dropFirst() { #expect(try perplexity(url, in: folder) == expected) }
    }
  }

  /// The example's head is its embedding, which no method quantizes.
  @Test func otherRuntimesGetTheSameIntegers() throws {
    try withTemporaryFolder { folder in
      let (source, output) = (folder.appending(path: "packed"), folder.appending(path: "out"))
      try round("W4A16", to: source)
      let names = ["auto-round", "gptq", "awq", "mlx"]
      let run = try Invocation(
        ["convert", source.path, "--output", output.path] + names.flatMap { ["--format", $0] })
      #expect(run.status == 0, "\(run.errors)")
      let expected = try perplexity(source, in: folder)
      for name in names {
        let url = output.appending(path: name)
        // Weights are not rounded to bf16 there.
        #expect(abs(try perplexity(url, in: folder) / expected - 1) < 0.002, "\(name)")
        let verified = try Invocation("verify", url.path, "--source", model)
        #expect(verified.status == 0, "\(name): \(verified.output)\(verified.errors)")
      }
    }
  }

  @Test func floatsStayInTheirFormats() throws {
    try withTemporaryFolder { folder in
      let (source, dense) = (folder.appending(path: "mx"), folder.appending(path: "dense"))
      try round("MXFP4A16", to: source)
      try convert(source, "dense", to: dense)
      #expect(try perplexity(source, in: folder) == perplexity(dense, in: folder))
      let output = folder.appending(path: "out").path
      let bad = try Invocation(
        "convert", source.path, "--format", "int-quantized", "--output", output)
      #expect(bad.status == 1)
      #expect(bad.errors.contains("expected mxfp4-pack-quantized"))
      let unknown = try Invocation("convert", source.path, "--format", "gguf", "--output", output)
      #expect(unknown.status == 64)
      #expect(unknown.errors.contains("expected one of compressed-tensors, "))
      #expect(unknown.errors.contains(", dense, pack-quantized, "))
      #expect(unknown.errors.contains(", gguf:q4_k_m, "))
      let plain = try Invocation("convert", model, "--format", "dense", "--output", output)
      #expect(plain.status == 1)
      #expect(plain.errors.contains("quantization_config"))
    }
  }
}
