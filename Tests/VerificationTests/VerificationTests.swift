import Foundation
import JSONText
import TestSupport
import Testing
import Verification

/// Checkpoints of the reference are sound; each kind of damage is found and named.
@Suite struct VerificationTests {
  @Test(arguments: ReferenceCheckpoint.formats)
  func aSoundCheckpointIsSound(_ format: String) throws {
    try ReferenceCheckpoint.withCopy(format) { folder in
      let report = Verifier(folder).run()
      if format == "fp8_block" {
        // Keys and values have fewer rows than a block, and were left as they are; queries were not.
        #expect(report.findings.count == 2)
        #expect(
          report.findings.everySatisfies {
            $0.kind == .contract && $0.place.hasPrefix("model.layers.")
              && $0.message.contains("different schemes")
          }, "\(report.findings)")
        #expect(report.quantizedLayerCount == 10)
      } else {
        #expect(report.findings == [])
        #expect(report.quantizedLayerCount == 14)
      }
      #expect(report.tensorParallelSizes.contains(1))
      #expect(report.files.contains { $0.name == "model.safetensors" && $0.digest.count == 64 })
    }
  }

  /// What loads which format.
  @Test(arguments: [
    ("w4a16", true, ""), ("w8a16", true, ""), ("w3a16", true, "July 2026"),
    ("w2a16", true, "SM75"), ("mixed_w2_w4", true, "SM75"), ("w8a8_int8", true, ""),
    ("fp8_dynamic", true, "8-bit products"), ("nvfp4", true, "Blackwell"),
    ("mxfp4", true, "MXFP4"),
  ])
  func runtimesAreNamed(_ format: String, _ isLoading: Bool, _ remark: String) throws {
    try ReferenceCheckpoint.withCopy(format) { folder in
      let runtimes = Verifier(folder).run().runtimes
      let engine = try #require(runtimes.first { $0.name == "vLLM" })
      #expect(engine.isLoading == isLoading)
      #expect(remark.isEmpty ? engine.remark.isEmpty : engine.remark.contains(remark))
      #expect(runtimes.first?.isLoading == true)
    }
  }

  private static let layer = "model.layers.1.mlp.down_proj"

  /// One kind of damage.
  struct Damage: CustomTestStringConvertible, Sendable {
    var testDescription: String
    var format = "w4a16"
    var place: String
    var message: String
    /// Changes the parts of `model.safetensors`.
    var change: @Sendable (inout Data, (String) throws -> Range<Int>) throws -> Void
  }

  static let damages = [
    Damage(
      testDescription: "NaN scale", place: "\(layer).weight_scale", message: "nan",
      change: { data, range in
        let place = try range("\(layer).weight_scale").lowerBound
        data.replaceSubrange(place..<place + 2, with: [0xC0, 0x7F])
      }),
    Damage(
      testDescription: "infinite scale", place: "\(layer).weight_scale", message: "inf",
      change: { data, range in
        let place = try range("\(layer).weight_scale").lowerBound
        data.replaceSubrange(place..<place + 2, with: [0x80, 0x7F])
      }),
    Damage(
      testDescription: "zero scale", place: "\(layer).weight_scale", message: "is 0.0",
      change: { data, range in
        let place = try range("\(layer).weight_scale").upperBound
        data.replaceSubrange(place - 2..<place, with: [0, 0])
      }),
    Damage(
      testDescription: "other shape", place: "\(layer).weight_packed", message: "expected",
      change: { data, range in
        let place = try range("\(layer).weight_shape").lowerBound
        data[place] ^= 0x20
      }),
    Damage(
      testDescription: "swapped sizes", place: layer, message: "from config.json",
      change: { data, range in
        // The packed tensor would fit the swapped sizes in bytes, not in shape.
        let place = try range("\(layer).weight_shape")
        let sizes = Data(data[place])
        data.replaceSubrange(place, with: sizes.suffix(8) + sizes.prefix(8))
      }),
  ]

  /// Damage to numbers of other formats: the tensor, the bytes that its first get, and what is said.
  @Test(arguments: [
    ("fp8_dynamic", "\(layer).weight_scale", [0xC0, 0x7F] as [UInt8], "is nan"),
    ("fp8_dynamic", "\(layer).weight", [0x7F], "is not a number of 8 bits"),
    ("fp8_static", "\(layer).input_scale", [0, 0], "expected a positive number"),
    ("w8a8_int8", "\(layer).weight_scale", [0, 0], "is 0.0"),
    ("nvfp4", "\(layer).weight_scale", [0x7F], "is nan"),
    ("nvfp4", "\(layer).weight_global_scale", [0, 0, 0, 0], "is 0.0"),
    ("nvfp4", "\(layer).input_global_scale", [0, 0, 0xC0, 0x7F], "is nan"),
    ("mxfp4", "\(layer).weight_scale", [255], "is NaN"),
    ("mxfp8", "\(layer).weight_scale", [255], "is NaN"),
    ("w4a16_kv_fp8", "model.layers.1.self_attn.k_scale", [0x80, 0x7F], "is inf"),
    ("w4a16_asym", "\(layer).weight_scale", [0x80, 0xFF], "is -inf"),
  ])
  func damagedNumbersAreNamed(
    _ format: String, _ tensor: String, _ bytes: [UInt8], _ message: String
  ) throws {
    try ReferenceCheckpoint.withCopy(format) { folder in
      let file = folder.appending(path: "model.safetensors")
      var parts = try TensorParts(file)
      let start = try parts.range(tensor).lowerBound
      parts.data.replaceSubrange(start..<start + bytes.count, with: bytes)
      try parts.write(to: file)
      let findings = Verifier(folder).run().findings
      #expect(
        findings.contains { $0.place == tensor && $0.message.contains(message) }, "\(findings)")
    }
  }

  /// Without a record or a source, what transformers asks for is still known.
  @Test(arguments: [
    "model.norm.weight", "lm_head.weight", "model.embed_tokens.weight",
    "model.layers.1.input_layernorm.weight",
  ])
  func tensorsThatAModelNeedsAreNamed(_ tensor: String) throws {
    try ReferenceCheckpoint.withCopy("w4a16") { folder in
      let file = folder.appending(path: "model.safetensors")
      let whole = try TensorParts(file)
      var parts = whole
      try parts.remove(tensor)
      try parts.write(to: file)
      let missing = Verifier(folder).run().findings
      #expect(missing.contains { $0.place == tensor && $0.message == "is missing" }, "\(missing)")

      parts = whole
      let start = try parts.range(tensor).lowerBound
      parts.data.replaceSubrange(start..<start + 2, with: [0x80, 0x7F])
      try parts.write(to: file)
      let infinite = Verifier(folder).run().findings
      #expect(
        infinite.contains { $0.place == tensor && $0.message.contains("element 0 is infinite") },
        "\(infinite)")
    }
  }

  @Test func theListOfFilesIsCompared() throws {
    try ReferenceCheckpoint.withCopy("w4a16") { folder in
      let files = Verifier(folder).run().files
      let sums = folder.appending(path: "SHA256SUMS")
      try Data(files.map { "\($0.digest)  \($0.name)\n" }.joined().utf8).write(to: sums)
      #expect(Verifier(folder).run().findings == [])
      let recipe = folder.appending(path: "recipe.yaml")
      try (Data(contentsOf: recipe) + Data("\n".utf8)).write(to: recipe)
      #expect(
        Verifier(folder).run().findings.map(\.message)
          == ["is not the file that was written"])
      try FileManager.default.removeItem(at: recipe)
      #expect(
        Verifier(folder).run().findings.map(\.message)
          == ["was written and is not there"])
      try Data("abc  config.json\u{1B}[31m\n".utf8).write(to: sums)
      #expect(
        Verifier(folder).run().findings.map(\.message)
          == ["'abc  config.json\u{FFFD}[31m' is not a line that sha256sum writes"])
    }
  }

  @Test(arguments: damages)
  func damageIsNamed(_ damage: Damage) throws {
    try ReferenceCheckpoint.withCopy(damage.format) { folder in
      let file = folder.appending(path: "model.safetensors")
      var parts = try TensorParts(file)
      let original = parts
      try damage.change(&parts.data) { try original.range($0) }
      try parts.write(to: file)
      let report = Verifier(folder).run()
      #expect(
        report.findings.contains {
          $0.place.hasPrefix(damage.place.split(separator: ".weight")[0])
            && $0.message.contains(damage.message)
        }, "\(report.findings)")
    }
  }

  @Test(arguments: ReferenceCheckpoint.formats)
  func aFlippedBitIsFoundByTheRecord(_ format: String) throws {
    try ReferenceCheckpoint.withCopy(format) { folder in
      let file = folder.appending(path: "model.safetensors")
      let whole = try TensorParts(file)
      let sound = Verifier(folder).run()
      var generator = SeededGenerator(seed: 3)
      // The record as it is written beside a checkpoint: digests of the tensors and of the files.
      let record: JSONValue = [
        "tensors": .object(
          sound.tensorDigests.sorted { $0.key < $1.key }
            .map { JSONValue.Member($0.key, .string($0.value)) })
      ]
      try Data(record.text().utf8).write(to: folder.appending(path: "quantization_report.json"))
      #expect(Verifier(folder).run().findings == sound.findings)
      for name in whole.header.map(\.key) where name != "__metadata__" {
        var parts = whole
        let range = try parts.range(name)
        let place = Int.random(in: range, using: &generator)
        parts.data[place] ^= UInt8(1 << Int.random(in: 0...7, using: &generator))
        try parts.write(to: file)
        let findings = Verifier(folder).run().findings
        #expect(
          findings.contains { $0.place == name && $0.message.contains("not what was written") })
      }
      var parts = whole
      try parts.remove("model.norm.weight")
      try parts.write(to: file)
      #expect(
        Verifier(folder).run().findings.contains {
          $0.place == "model.norm.weight" && $0.message.contains("not there")
        })
    }
  }

  @Test func cutAndLyingFilesAreRefused() throws {
    try ReferenceCheckpoint.withCopy("w4a16") { folder in
      let file = folder.appending(path: "model.safetensors")
      let bytes = try Data(contentsOf: file)
      for length in [0, 7, 8, 100, bytes.count - 1] {
        try bytes.prefix(length).write(to: file)
        #expect(
          Verifier(folder).run().findings.contains {
            $0.place.contains("model.safetensors")
          }, "\(length) bytes")
      }
      try (bytes + [0]).write(to: file)
      #expect(
        Verifier(folder).run().findings.contains {
          $0.message.contains("belong to no tensor")
        })
    }
  }

  @Test(arguments: ReferenceCheckpoint.formats)
  func anIndexThatNamesAnotherShardIsFound(_ format: String) throws {
    try ReferenceCheckpoint.withCopy(format) { folder in
      let sound = Verifier(folder).run().findings
      let file = folder.appending(path: "model.safetensors")
      let parts = try TensorParts(file)
      try FileManager.default.moveItem(
        at: file, to: folder.appending(path: "model-00001-of-00002.safetensors"))
      // The second shard holds nothing.
      try Data([2, 0, 0, 0, 0, 0, 0, 0] + Array("{}".utf8))
        .write(to: folder.appending(path: "model-00002-of-00002.safetensors"))
      let names = parts.header.map(\.key).filter { $0 != "__metadata__" }
      func index(_ shards: [String: String]) throws {
        let map = names.map {
          JSONValue.Member($0, .string(shards[$0] ?? "model-00001-of-00002.safetensors"))
        }
        let json: JSONValue = [
          "metadata": ["total_size": JSONValue(parts.data.count)], "weight_map": .object(map),
        ]
        try Data(json.text().utf8)
          .write(to: folder.appending(path: "model.safetensors.index.json"))
      }
      try index([:])
      #expect(Verifier(folder).run().findings == sound)
      for shard in ["model-00002-of-00002.safetensors", "model-00003-of-00002.safetensors"] {
        try index(["lm_head.weight": shard])
        #expect(
          Verifier(folder).run().findings.contains {
            $0.place == "lm_head.weight" && $0.message.contains(shard)
          })
      }
    }
  }
}
