import JSONText
import TestSupport
import Testing

/// `autoround formats`.
@Suite struct FormatsTests {
  @Test func saysWhatEachHoldsAndWhatLoadsIt() throws {
    let run = try Invocation("formats", "--json")
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
    #expect(try schemes(3).keys.sorted() == ["W4A16", "W4A16_ASYM"])
    #expect(try schemes(4)["W4A16"] == 4.25)
    let refused = try #require(formats[3]["refused"]?.arrayValue)
    #expect(refused.contains { $0["scheme"] == "NVFP4" })
    let text = try Invocation("formats")
    #expect(text.status == 0)
    #expect(text.output.contains("awq: AutoAWQ"))
    #expect(text.output.contains("gguf:q4_k_m"))
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
