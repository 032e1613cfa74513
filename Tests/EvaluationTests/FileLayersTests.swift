import AutoRound
import Checkpoints
import Diagnostics
import Execution
import Foundation
import GGUF
import GGUFModels
import Inspection
import JSONText
import Quantization
import QuantizedCheckpoints
import Tensors
import TestSupport
import Testing
import Verification

/// Files of llama.cpp in other formats: the same integers where these hold them.
@Suite struct FileLayersTests {
  private let model = Fixtures.examples.appending(path: "books-llama-6m")

  private func convert(
    _ checkpoint: URL, to format: String, _ output: URL, _ requantizes: Bool = false
  ) throws -> CheckpointConversion.Report {
    var conversion = CheckpointConversion(
      checkpoint: checkpoint, formats: [try ConversionFormat(named: format)], output: output)
    conversion.requantizes = requantizes
    return try conversion.run()
  }

  /// The example as a file of a type.
  private func file(_ type: String, in folder: URL, of source: URL? = nil) throws -> URL {
    let output = folder.appending(path: "file-\(type)")
    _ = try convert(source ?? model, to: "gguf:\(type)", output)
    return try ggufFile(in: output).url
  }

  private func layers(_ folder: URL) throws -> DequantizedCheckpoint {
    try DequantizedCheckpoint(Checkpoint(opening: folder))
  }

  /// Compares every tensor with the numbers of a file; gives how many layers are quantized.
  @discardableResult private func compare(_ output: URL, with file: URL) throws -> Int {
    let expected = try Checkpoint.model(opening: file)
    let found = try layers(output)
    #expect(found.tensorNames == Set(expected.tensorNames))
    for name in expected.tensorNames {
      let layer = ModuleDescription.name(ofWeight: name) ?? ""
      let numbers =
        found.schemes[layer] == nil
        ? try found.checkpoint.tensor(name)
        : try found.quantizedWeight(of: layer).dequantized(to: .float32)
      #expect(try numbers.floats() == expected.tensor(name).floats(), "\(name)")
    }
    #expect(expected.tensorNames.count > 50)
    return found.schemes.count
  }

  private func damage(_ output: URL, _ source: URL) throws -> [String] {
    let report = try Verifier(output, madeFrom: source).run()
    #expect(report.comparesSource)
    return report.findings.filter { $0.kind == .damage }.map { "\($0.place): \($0.message)" }
  }

  /// From a checkpoint to a file and from there to another: codes, scales and zero points stay.
  @Test(arguments: [
    ("W4A16", "q4_0", ["compressed-tensors", "int-quantized", "gptq", "awq", "auto-round", "mlx"]),
    ("W8A16", "q8_0", ["compressed-tensors", "gptq", "mlx"]),
  ])
  func integersGoThereAndBack(scheme: String, type: String, formats: [String]) throws {
    try withTemporaryFolder { folder in
      let first = folder.appending(path: "first")
      let options = try ResolvedOptions(
        overrides: OptionOverrides(scheme: scheme) {
          $0.isModelFree = true
          $0.groupSize = 32
        })
      try QuantizationJob(model: model, modifier: AutoRoundModifier(options), output: first).run()
      let (file, before) = (try file(type, in: folder, of: first), try layers(first))
      #expect(before.schemes.count == 42)
      for format in formats {
        let output = folder.appending(path: format)
        let report = try convert(file, to: format, output)
        let after = try layers(output)
        for layer in before.schemes.keys {
          let (a, b) = try (before.quantizedWeight(of: layer), after.quantizedWeight(of: layer))
          #expect(b.codes == a.codes && b.scales == a.scales, "\(format) \(layer)")
          #expect(b.biases == nil)
          #expect(Set(b.zeroPoints ?? []).subtracting([1 << (a.arguments.bitCount - 1)]) == [])
        }
        // Embeddings are quantized in MLX alone; this one is the head as well, with more bits in a file of 4.
        let hasTable = format == "mlx" && type == "q8_0"
        #expect(try compare(output, with: file) == (hasTable ? 43 : 42))
        #expect(report.layerCount == (hasTable ? 43 : 42))
        #expect(
          report.remarks.contains { $0.hasPrefix("model.embed_tokens is written") } != hasTable)
        #expect(try damage(output, file) == [])
      }
    }
  }

  /// Minimums are biases in MLX and zero points nowhere; scales of k-quants are numbers of f32.
  @Test(arguments: [
    ("q4_1", "mlx"), ("q5_1", "mlx"), ("q5_0", "mlx"), ("q5_0", "pack-quantized"),
    ("q6_k", "compressed-tensors"),
  ])
  func numbersStay(type: String, format: String) throws {
    try withTemporaryFolder { folder in
      let file = try file(type, in: folder)
      let output = folder.appending(path: "out")
      _ = try convert(file, to: format, output)
      #expect(try compare(output, with: file) >= 42)
      #expect(try damage(output, file) == [])
      guard type.hasSuffix("_1") else { return }
      // And back, block for block.
      let again = folder.appending(path: "again")
      #expect(try convert(output, to: "gguf:\(type)", again).layerCount >= 42)
      let (a, b) = (try GGUFFile(opening: file), try ggufFile(in: again))
      var compared = 0
      for info in a.tensors where info.type.name == type && info.name.hasPrefix("blk.") {
        #expect(try b.stored(info.name) == a.stored(info.name), "\(info.name)")
        compared += 1
      }
      #expect(compared == 42)
    }
  }

  /// What a format does not hold is rounded again where that is asked for, to as many bits if it can be.
  @Test(arguments: [
    ("q4_k_m", "compressed-tensors", ["4-bit int asymmetric, groups of 32"]),
    ("q4_k_m", "awq", ["4-bit int asymmetric, groups of 32"]),
    ("q4_1", "gptq", ["4-bit int asymmetric, groups of 32"]),
    ("q6_k", "gptq", ["8-bit int symmetric, groups of 32"]),
  ])
  func roundsAgainWhereThatIsAskedFor(type: String, format: String, kinds: [String]) throws {
    try withTemporaryFolder { folder in
      let file = try file(type, in: folder)
      let output = folder.appending(path: "out")
      expectInputError(.unsupported, mentioning: ["model.layers.", "requantizes rounds it again"]) {
        _ = try convert(file, to: format, output)
      }
      #expect(try !names(in: folder).contains { $0.hasPrefix("out") })
      let report = try convert(file, to: format, output, true)
      #expect(report.remarks.contains { $0.contains("rounded again") })
      let found = try layers(output)
      let texts = found.schemes.values.compactMap { $0.weights?.text }
      #expect(texts.count >= 42)
      for kind in kinds { #expect(texts.contains(kind), "\(Set(texts))") }
      #expect(try damage(output, file) == [])
      let expected = try Checkpoint.model(opening: file)
      for layer in found.schemes.keys {
        let numbers = try found.quantizedWeight(of: layer).dequantized(to: .float32).floats()
        let error = try relativeError(
          of: numbers, from: expected.tensor("\(layer).weight").floats())
        #expect(error < 0.1, "\(layer)")
      }
    }
  }

  /// Files of other types have the same blocks, or say that they would not.
  @Test func filesBecomeFiles() throws {
    try withTemporaryFolder { folder in
      let (small, mixed) = (try file("q4_0", in: folder), try file("q4_k_m", in: folder))
      let again = folder.appending(path: "again")
      #expect(try convert(mixed, to: "gguf:q4_k_m", again).remarks.isEmpty)
      #expect(
        try Data(contentsOf: ggufFile(in: again).url).count == Data(contentsOf: mixed).count)
      let (a, b) = (try GGUFFile(opening: mixed), try ggufFile(in: again))
      for info in a.tensors {
        #expect(b.info(info.name) == info)
        #expect(try b.stored(info.name) == a.stored(info.name), "\(info.name)")
      }
      #expect(a.tensors.count > 50)
      let wide = folder.appending(path: "wide")
      expectInputError(.unsupported, mentioning: ["q5_k", "requantizes rounds it again"]) {
        _ = try convert(small, to: "gguf:q5_k_s", wide)
      }
      let report = try convert(small, to: "gguf:q5_k_s", wide, true)
      #expect(report.remarks.contains { $0.contains("layers") && $0.contains("rounded again") })
      let plain = folder.appending(path: "plain")
      expectInputError(.unsupported, mentioning: ["f16", "full precision"]) {
        _ = try convert(try file("f16", in: folder), to: "gptq", plain)
      }
    }
  }

  /// A group that is not that of the file is found, and an embedding that is not the file's.
  @Test func aCopyIsComparedWithItsFile() throws {
    try withTemporaryFolder { folder in
      let file = try file("q4_0", in: folder)
      let output = folder.appending(path: "out")
      _ = try convert(file, to: "compressed-tensors", output)
      let tensors = output.appending(path: "model.safetensors")
      let name = "model.layers.3.self_attn.k_proj.weight_scale"
      let whole = try Data(contentsOf: tensors)
      try FileManager.default.removeItem(at: output.appending(path: "SHA256SUMS"))
      let checkpoint = try SafetensorsFile(opening: tensors)
      for (tensor, place) in [
        (name, "model.layers.3.self_attn.k_proj.weight"),
        ("model.embed_tokens.weight", "model.embed_tokens.weight"),
      ] {
        let entry = try #require(checkpoint.entry(tensor))
        var bytes = whole
        // The last but one element, twice as large: the exponent lies in the upper byte.
        let size = entry.dtype.byteCount
        bytes[entry.byteRange.upperBound - size - 1] ^= 0x20
        try bytes.write(to: tensors)
        let found = try Verifier(output, madeFrom: file).run().findings
        #expect(found.filter { $0.kind == .damage }.map(\.place) == [place])
      }
    }
  }
}
