import JSONText
import Quantization
import TestSupport
import Testing

/// `autoround list formats` and `list schemes`.
@Suite struct FormatsTests {
  @Test func saysWhatEachHoldsAndWhatLoadsIt() throws {
    let run = try Invocation("list", "formats", "--json")
    #expect(run.status == 0)
    let formats = try #require(JSONValue.parse(run.lastLine)["formats"]?.arrayValue)
    #expect(
      formats.map { $0["name"]?.stringValue }
        == ["compressed-tensors", "auto-round", "gptq", "awq", "mlx"])
    func schemes(_ index: Int) throws -> [String: Double] {
      let entries = try #require(formats[index]["schemes"]?.arrayValue)
      return try Dictionary(
        uniqueKeysWithValues: entries.map {
          (
            try #require($0["scheme"]?.stringValue),
            try #require($0["bits_per_weight"]?.doubleValue)
          )
        })
    }
    // A scale of 16 bits for 128 weights; the others store zero points of 4 bits too.
    #expect(try schemes(0)["W4A16"].map { ($0 * 1000).rounded() } == 4125)
    #expect(try schemes(2)["W4A16"] == 4 + 20.0 / 128)
    #expect(
      try schemes(3).keys.sorted() == [
        "W4A16", "W4A16G32", "W4A16G32_ASYM", "W4A16G64", "W4A16G64_ASYM", "W4A16_ASYM",
      ])
    #expect(try schemes(4)["W4A16"] == 4.25)
    let refused = try #require(formats[3]["refused"]?.arrayValue)
    #expect(refused.contains { $0["scheme"] == "NVFP4" })
    let text = try Invocation("formats")
    #expect(text.status == 0)
    #expect(try Invocation("list", "formats").output == text.output)
    #expect(try Invocation("help", "formats").output == Invocation("help", "list").output)
    #expect(text.output.contains("awq: AutoAWQ"))
    #expect(text.output.contains("gguf:q4_k_m"))
  }

  @Test func saysWhatSchemesAre() throws {
    let run = try Invocation("list", "schemes", "--json")
    #expect(run.status == 0)
    let schemes = try #require(JSONValue.parse(run.lastLine)["schemes"]?.arrayValue)
    let names = schemes.compactMap { $0["name"]?.stringValue }
    #expect(names == QuantizationScheme.supportedPresets + QuantizationScheme.smallGroupPresets)
    func scheme(_ name: String) throws -> JSONValue {
      try #require(schemes.first { $0["name"]?.stringValue == name })
    }
    let small = try scheme("W4A16G32_ASYM")
    #expect(small["weights"] == "4-bit int asymmetric, groups of 32")
    #expect(small["inputs"] == "as they are")
    #expect(small["bits_per_weight"]?.doubleValue.map { ($0 * 1000).rounded() } == 4625)
    #expect(small["formats"] == ["compressed-tensors", "auto-round", "gptq", "awq", "mlx"])
    #expect(try scheme("NVFP4")["formats"] == ["compressed-tensors"])
    #expect(try scheme("UNQUANTIZED")["bits_per_weight"] == .null)
    let text = try Invocation("list", "schemes")
    #expect(text.status == 0)
    #expect(
      text.output.contains("\nand in smaller groups: W2A16G64 to W8A16G64, "), "\(text.output)")
    #expect(text.output.contains("GGUF:Q4_K_M"))
  }

  @Test func refusesWhatItCannotHoldBeforeAnythingIsRead() throws {
    let unknown = try Invocation("quantize", "m", "--output", "o", "--format", "onnx")
    #expect(unknown.status == 64)
    #expect(unknown.errors.contains("expected one of compressed-tensors, auto-round"))
    let size = try Invocation("quantize", "m", "--output", "o", "--max-shard-size", "many")
    #expect(size.status == 64)
    #expect(size.errors.contains("--max-shard-size"))
  }
}
