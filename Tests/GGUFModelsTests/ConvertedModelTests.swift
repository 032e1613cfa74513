import Checkpoints
import Foundation
import GGUF
import GGUFModels
import JSONText
import Tensors
import TestSupport
import Testing

/// What llama.cpp's converter, as auto_round 0.15.1 runs it, made of a tiny Llama.
@Suite struct ConvertedModelTests {
  private static let configuration: JSONValue = [
    "model_type": "llama", "hidden_size": 128, "intermediate_size": 256,
    "num_hidden_layers": 2, "num_attention_heads": 4, "num_key_value_heads": 2,
    "head_dim": 32, "vocab_size": 256, "max_position_embeddings": 128, "rms_norm_eps": 1e-5,
    "rope_theta": 10_000, "tie_word_embeddings": false,
  ]

  /// The same model with its layers rounded to 8 bits.
  private let source: RoundedLayers
  private let outline: GGUFModelOutline

  init() throws {
    let folder = Fixtures.folder.appending(path: "formats/w8a8_int8")
    source = RoundedLayers(checkpoint: try Checkpoint(opening: folder))
    let infos = source.checkpoint.tensorNames.compactMap(source.checkpoint.info)
    outline = try GGUFModelOutline(
      of: Self.configuration, tensors: infos.filter { !$0.name.hasSuffix("_scale") }, name: "tiny",
      tokenizer: nil)
  }

  private static func file(_ name: String, _ type: String) throws -> GGUFFile {
    try GGUFFile(
      opening: Fixtures.folder.appending(path: "formats/\(name)/tiny-361K-\(type).gguf"))
  }

  @Test func metadataAreTheConverters() throws {
    let file = try Self.file("gguf_q4_0", "Q4_0")
    let expected = file.metadata.entries.filter {
      $0.key != GGUFFileType.key && !$0.key.hasPrefix("tokenizer.")
    }
    #expect(outline.metadata.entries.map(\.key) == expected.map(\.key))
    #expect(outline.metadata.entries.map(\.value) == expected.map(\.value))
    #expect(expected.count == 17)
  }

  @Test(arguments: [
    ("gguf_q4_0", "Q4_0", GGUFFileType.q40), ("gguf_q4_k_m", "Q4_K_M", .q4KM),
  ]) func tensorsAreTheConverters(_ name: String, _ type: String, _ fileType: GGUFFileType) throws {
    let file = try Self.file(name, type)
    let shapes = Dictionary(uniqueKeysWithValues: file.tensors.map { ($0.name, $0.shape) })
    #expect(
      Dictionary(uniqueKeysWithValues: outline.tensors.map { ($0.name, $0.shape) }) == shapes)
    #expect(shapes.count == 21)
    let types = GGUFMix(fileType, model: outline.model)
      .types(outline.tensors.map { ($0.name, $0.shape) })
    for tensor in outline.tensors {
      #expect(
        file.info(tensor.name)?.type == (tensor.isAlwaysFloat32 ? .f32 : types[tensor.name]),
        "\(tensor.name)")
    }
    #expect(outline.tensors.filter(\.isAlwaysFloat32).count == 5)
  }

  /// Norms are the same numbers, and all matrices those of the file as near as four bits are: rows of queries and keys in
  /// another order would be as far off as any others.
  @Test func numbersAreInTheirPlaces() throws {
    let file = try Self.file("gguf_q4_0", "Q4_0")
    var count = 0
    for tensor in outline.tensors {
      let expected = try file.numbers(tensor.name).floats()
      let found = try tensor.numbers(from: source)
      #expect(found.count == expected.count)
      let distance = zip(found, expected).map { abs($0 - $1) }.max() ?? .infinity
      // Half a step of 16, or a whole one where the largest number has the other sign.
      let largest = expected.map(abs).max() ?? 0
      #expect(distance <= (tensor.isAlwaysFloat32 ? 0 : 0.02 + largest / 7), "\(tensor.name)")
      if tensor.rows != .asStored {
        var other = tensor
        other.rows = .asStored
        let far = zip(try other.numbers(from: source), expected).map { abs($0 - $1) }.max() ?? 0
        #expect(far > 0.2, "\(tensor.name)")
        count += 1
      }
    }
    #expect(count == 4)
  }
}

/// Layers of 8-bit integers with a scale for each row, as numbers.
private struct RoundedLayers: TensorSource {
  let checkpoint: Checkpoint

  func contains(_ name: String) -> Bool { checkpoint.contains(name) }

  func tensor(_ name: String, shape: [Int]) throws -> Tensor {
    guard checkpoint.contains(name + "_scale") else {
      return try checkpoint.tensor(name, shape: shape)
    }
    let codes = try checkpoint.tensor(name, shape: shape, dtype: .int8).elements(as: Int8.self)
    let scales = try checkpoint.tensor(name + "_scale").floats()
    let columns = shape[1]
    return Tensor(
      codes.enumerated().map { Float($0.element) * scales[$0.offset / columns] }, shape: shape)
  }
}
