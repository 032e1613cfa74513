import GGUF
import Testing

@Suite("Metadata of GGUF files")
struct GGUFMetadataTests {
  @Test("Keys keep their order, and their places when values change")
  func order() {
    var metadata = GGUFMetadata()
    metadata.append("b", .uint32(1))
    metadata.append("a", .strings(["x", "y"]))
    metadata["c"] = .bool(true)
    metadata["a"] = .floats([1, 2])
    #expect(metadata.entries.map(\.key) == ["b", "a", "c"])
    #expect(metadata["a"] == .array(.float32s([1, 2])))
    metadata["b"] = nil
    #expect(metadata.entries.map(\.key) == ["a", "c"])
    #expect(metadata["c"] == .bool(true))
    #expect(metadata["b"] == nil)
    #expect(!metadata.contains("b"))
    #expect(metadata.count == 2)
  }
}
