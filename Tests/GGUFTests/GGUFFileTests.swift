import Checkpoints
import Diagnostics
import Foundation
import GGUF
import Tensors
import TestSupport
import Testing

/// Files that auto_round wrote with the gguf package: `Tests/Fixtures/formats/gguf_*`.
@Suite struct GGUFFileTests {
  static let names = ["gguf_q4_0/tiny-361K-Q4_0", "gguf_q4_k_m/tiny-361K-Q4_K_M"]

  static func url(_ name: String) -> URL {
    Fixtures.folder.appending(path: "formats/\(name).gguf")
  }

  @Test func readsMetadata() throws {
    let metadata = try GGUFFile(opening: Self.url(Self.names[0])).metadata
    #expect(metadata.count == 25)
    #expect(metadata.entries.first?.key == "general.architecture")
    #expect(metadata["general.architecture"] == .string("llama"))
    #expect(metadata["general.file_type"] == .uint32(GGUFFileType.q40.rawValue))
    #expect(metadata["llama.rope.freq_base"] == .float32(10000))
    guard case .array(.strings(let tokens)) = metadata["tokenizer.ggml.tokens"],
      case .array(.int32s(let types)) = metadata["tokenizer.ggml.token_type"]
    else {
      Issue.record("no tokens")
      return
    }
    #expect(tokens.count == 256)
    #expect(types.count == 256)
  }

  /// The numbers that the gguf package gives, with the rows of keys put back in the model's order.
  @Test(arguments: names) func readsNumbers(name: String) throws {
    let file = try GGUFFile(opening: Self.url(name))
    let folder = Self.url(name).deletingLastPathComponent()
    let expected = try SafetensorsFile(opening: folder.appending(path: "expected.safetensors"))
    let down = try file.numbers("blk.1.ffn_down.weight")
    expectIdentical(
      down.slice(0..<8), try expected.tensor("dequant.model.layers.1.mlp.down_proj.weight.rows0_8"))
    // Rows 0 and 1 of a head of 32 are its rows 0 and 16 in the model.
    let keys = try file.numbers("blk.0.attn_k.weight")
    let rows = try expected.tensor("dequant.model.layers.0.self_attn.k_proj.weight.rows0_8")
    for row in 0..<8 {
      expectIdentical(keys.slice(2 * row..<2 * row + 1), rows.slice(row..<row + 1), "row \(row)")
    }
    expectInputError(.missing, mentioning: ["gguf", "'blk.2.attn_k.weight'"]) {
      try file.numbers("blk.2.attn_k.weight")
    }
  }

  /// Metadata and tensors laid out again are the file's first bytes.
  @Test(arguments: names) func headersAreWrittenAsTheyWereRead(name: String) throws {
    let bytes = try [UInt8](Data(contentsOf: Self.url(name)))
    let file = try GGUFFile(opening: Self.url(name))
    let header = try GGUFHeader(layingOut: file.tensors, metadata: file.metadata)
    #expect(header == file.header)
    #expect(header.encoded == Array(bytes.prefix(header.encoded.count)))
    #expect(header.shard(fileName: "model.gguf").byteCount == bytes.count)
  }

  /// Every kind of value, as it was.
  @Test func valuesReadBack() throws {
    var metadata = GGUFMetadata()
    let values: [GGUFValue] = [
      .uint8(.max), .int8(.min), .uint16(.max), .int16(.min), .uint32(.max), .int32(.min),
      .float32(-0.1), .bool(true), .bool(false), .string("ä\u{0}\u{1F600}"), .string(""),
      .uint64(.max), .int64(.min), .float64(.pi), .strings(["", "▁a", "\n"]), .strings([]),
      .floats([.infinity, -0, 1]), .int32s([.min, 0, .max]), .array(.uint8s([0, 255])),
      .array(.int8s([-128, 127])), .array(.uint16s([1, .max])), .array(.int16s([-1])),
      .array(.uint32s([7])), .array(.bools([true, false])), .array(.uint64s([.max])),
      .array(.int64s([.min])), .array(.float64s([0.1, .leastNonzeroMagnitude])),
    ]
    for (index, value) in values.enumerated() { metadata.append("key.\(index)", value) }
    let header = try GGUFHeader(layingOut: [], metadata: metadata)
    try withTemporaryFolder { folder in
      let file = try open(header.encoded, in: folder)
      #expect(file.metadata == metadata)
      #expect(file.metadata.entries.map(\.value) == values)
      #expect(file.tensors.isEmpty)
    }
    #expect(Set(values.map(\.type)) == Set(GGUFValueType.allCases))
  }

  /// Tensors of every type: aligned, one after another, and numbers of the right shape.
  @Test func everyTypeReadsBack() throws {
    let tensors = GGUFTensorType.allCases.map {
      GGUFTensorInfo(name: "t.\($0.name)", type: $0, shape: [3, 2, 256])
    }
    let header = try GGUFHeader(layingOut: tensors, metadata: GGUFMetadata())
    let zeros = [UInt8](repeating: 0, count: header.dataByteCount)
    try withTemporaryFolder { folder in
      let file = try open(header.encoded + zeros, in: folder)
      #expect(file.header == header)
      #expect(file.tensors.count == GGUFTensorType.allCases.count)
      for info in file.tensors {
        #expect(try file.stored(info.name).byteCount == info.byteCount)
        #expect(try file.numbers(info.name).shape == [3, 2, 256])
        #expect(info.byteCount == 1536 / info.type.blockSize * info.type.blockByteCount)
      }
    }
  }

  @Test func layoutsThatFilesDoNotHold() {
    func layout(_ name: String, _ shape: [Int], _ type: GGUFTensorType = .f32) throws {
      _ = try GGUFHeader(
        layingOut: [
          GGUFTensorInfo(name: "first", type: .f32, shape: [4]),
          GGUFTensorInfo(name: name, type: type, shape: shape),
        ], metadata: GGUFMetadata())
    }
    expectInputError(.invalidValue, mentioning: ["'first'", "twice"]) { try layout("first", [4]) }
    expectInputError(.invalidValue, mentioning: ["64 bytes"]) {
      try layout(String(repeating: "n", count: 64), [4])
    }
    expectInputError(.invalidValue, mentioning: ["'b'", "5 dimensions"]) {
      try layout("b", [1, 1, 1, 1, 1])
    }
    expectInputError(.invalidValue, mentioning: ["'b'", "no elements"]) { try layout("b", [4, 0]) }
    expectInputError(.invalidValue, mentioning: ["'b'", "q8_0", "multiple of 32"]) {
      try layout("b", [4, 48], .q80)
    }
    expectInputError(.invalidValue, mentioning: ["'b'", "too many"]) {
      try layout("b", [.max, 4])
    }
    expectInputError(.invalidValue, mentioning: ["'b'", "too large"]) {
      try layout("b", [.max / 4 - 1])
    }
    for (key, value) in [("", GGUFValue.bool(true)), ("general.alignment", .uint32(24))] {
      var metadata = GGUFMetadata()
      metadata.append(key, value)
      expectInputError(.invalidValue) { try GGUFHeader(layingOut: [], metadata: metadata) }
    }
  }
}
