import Foundation
import JSONText
import TestSupport
import Testing
import Verification

/// What runtimes ask for: that layers which they run as one are alike, whole groups, and sizes that can be
/// divided.
@Suite struct ContractTests {
  private static func configuration(_ weights: String, _ more: String = "") throws -> JSONValue {
    let text = """
      {\(more) "architectures": ["X"], "model_type": "x", "quantization_config": {
        "quant_method": "compressed-tensors", "quantization_status": "compressed",
        "format": "pack-quantized", "ignore": ["lm_head"],
        "config_groups": {"group_0": {"targets": ["Linear"], "weights": \(weights)}}}}
      """
    return try JSONValue.parse(Array(text.utf8))
  }

  private static func integers(_ rest: String, bitCount: Int = 4, symmetric: Bool = true) -> String
  {
    #"{"num_bits": \#(bitCount), "type": "int", "symmetric": \#(symmetric), \#(rest)}"#
  }

  /// Weights, the end of a layer's name, its rows and columns, and how many devices can share it.
  @Test(arguments: [
    // Rows of a layer are shared out whole; only zero points are packed along them.
    (
      integers(#""strategy": "channel""#), "up_proj", [48, 64], [1, 2, 3, 4, 6, 8, 12, 16, 24, 48]
    ),
    (integers(#""strategy": "channel""#), "up_proj", [6, 64], [1, 2, 3, 6]),
    (
      integers(#""strategy": "channel""#, symmetric: false), "up_proj", [48, 64], [1, 2, 3, 6]
    ),
    (
      integers(#""strategy": "channel""#, bitCount: 8, symmetric: false), "up_proj", [48, 64],
      [1, 2, 3, 4, 6, 12]
    ),
    (
      integers(#""strategy": "group", "group_size": 32"#, symmetric: false), "up_proj", [40, 64],
      [1, 5]
    ),
    (
      integers(#""strategy": "tensor""#, symmetric: false), "up_proj", [48, 64],
      [1, 2, 3, 4, 6, 8, 12, 16, 24, 48]
    ),
    // Columns are shared out in whole words, and in whole groups.
    (integers(#""strategy": "channel""#), "down_proj", [64, 48], [1, 2, 3, 6]),
    (
      integers(#""strategy": "channel""#, bitCount: 8), "down_proj", [64, 48], [1, 2, 3, 4, 6, 12]
    ),
    (integers(#""strategy": "channel""#, bitCount: 2), "o_proj", [64, 48], [1, 3]),
    (integers(#""strategy": "channel""#, bitCount: 3), "o_proj", [64, 128], [1, 2, 4]),
    (integers(#""strategy": "group", "group_size": 32"#), "down_proj", [64, 192], [1, 2, 3, 6]),
    (integers(#""strategy": "group", "group_size": 4"#), "down_proj", [64, 48], [1, 2, 3, 6]),
    (integers(#""strategy": "channel""#), "lm_head", [51, 64], Array(1...64)),
    // Groups that do not divide are nobody's, but one device has no one to share with.
    (integers(#""strategy": "group", "group_size": 128"#), "down_proj", [64, 96], [1]),
  ])
  func layersAreSharedEvenly(
    _ weights: String, _ name: String, _ shape: [Int], _ sizes: [Int]
  ) throws {
    let report = VerificationReport(
      planned: try Self.configuration(weights),
      layers: ["model.layers.0.\(name)": (shape, true)])
    #expect(report.tensorParallelSizes == sizes)
  }

  /// Heads are shared out whole; devices in excess of the key-value heads have copies.
  @Test(arguments: [
    (8, 8, [1, 2, 4, 8]), (8, 2, [1, 2, 4, 8]), (12, 4, [1, 2, 4, 12]), (7, 7, [1, 7]),
    (9, 3, [1, 3, 9]),
  ])
  func headsAreSharedEvenly(_ heads: Int, _ pairs: Int, _ sizes: [Int]) throws {
    let configuration = try Self.configuration(
      Self.integers(#""strategy": "channel""#),
      #""num_attention_heads": \#(heads), "num_key_value_heads": \#(pairs),"#)
    let report = VerificationReport(
      planned: configuration, layers: ["model.layers.0.self_attn.k_proj": ([64 * pairs, 64], true)])
    #expect(report.tensorParallelSizes == sizes)
  }

  /// A vocabulary of 65 is padded to 128 rows, which three devices cannot share.
  @Test(arguments: [
    (65, [1, 2, 4, 8, 16, 32, 64]), (129, [1, 2, 3, 4, 6, 8, 12, 16, 24, 32, 48, 64]),
  ])
  func vocabulariesAreSharedEvenly(_ rows: Int, _ sizes: [Int]) throws {
    let report = VerificationReport(
      planned: try Self.configuration(
        Self.integers(#""strategy": "channel""#), #""vocab_size": \#(rows),"#),
      layers: ["lm_head": ([rows, 64], false), "a": ([192, 64], true)])
    #expect(report.tensorParallelSizes == sizes)
  }

  /// A tower's layers that stay have to be ignored under the name that transformers 5 has for them, too.
  @Test(arguments: [false, true]) func loadedNamesAreIgnored(areListed: Bool) throws {
    let file = "model.vision_tower.vision_model.encoder.layers.0.mlp.fc1"
    let loaded = "model.vision_tower.encoder.layers.0.mlp.fc1"
    var configuration = try Self.configuration(Self.integers(#""strategy": "channel""#))
    var quantization = try #require(configuration["quantization_config"])
    quantization.set(
      "ignore", .array(([file] + (areListed ? [loaded] : [])).map { .string($0) }))
    configuration.set("quantization_config", quantization)
    let report = VerificationReport(
      planned: configuration, layers: [file: ([64, 64], false), "a": ([64, 64], true)])
    #expect(
      report.findings
        == (areListed
          ? []
          : [
            .init(
              .contract, file,
              "transformers calls it '\(loaded)' and finds 'group_0' for it, which is not what is stored"
            )
          ]))
    #expect(report.runtimes.first { $0.name == "transformers" }?.isLoading == areListed)
  }

  @Test func groupsAreWhole() throws {
    let report = VerificationReport(
      planned: try Self.configuration(Self.integers(#""strategy": "group", "group_size": 32"#)),
      layers: ["a": ([8, 48], true), "b": ([8, 64], true)])
    #expect(
      report.findings == [
        .init(
          .contract, "a",
          "groups of 32 do not divide the inputs of 1 layer, here 48; vLLM needs whole groups; a recipe "
            + "can leave such layers out (ignore), or give them a scale for each row")
      ])
    let engine = try #require(report.runtimes.first { $0.name == "vLLM" })
    #expect(
      !engine.isLoading && engine.remark == "groups of 32 do not divide the inputs of 1 layer")
    #expect(report.runtimes.first?.isLoading == true)
  }

  /// What is to be written is compared with what the configuration says of it.
  @Test func plannedTensorsAreThoseOfTheConfiguration() throws {
    func findings(_ dtype: String, _ columns: Int) throws -> [VerificationReport.Finding] {
      VerificationReport(
        planned: try Self.configuration(Self.integers(#""strategy": "channel""#)),
        layers: ["a": ([8, 64], true)],
        tensors: [
          "a.weight_packed": .init(dtype: dtype, shape: [8, columns]),
          "a.weight_scale": .init(dtype: "BF16", shape: [8, 1]),
          "a.weight_shape": .init(dtype: "I64", shape: [2]),
        ]
      ).findings.filter { $0.kind == .damage }
    }
    #expect(try findings("I32", 8) == [])
    for (dtype, columns) in [("I32", 16), ("U8", 8)] {
      #expect(try findings(dtype, columns).map(\.place) == ["a.weight_packed"])
    }
  }

  @Test func fusedLayersShareAGlobalScale() throws {
    try ReferenceCheckpoint.withCopy("nvfp4") { folder in
      let file = folder.appending(path: "model.safetensors")
      var parts = try TensorParts(file)
      let place = try parts.range("model.layers.1.self_attn.k_proj.weight_global_scale")
      parts.data[place.upperBound - 2] ^= 0x40
      try parts.write(to: file)
      #expect(
        Verifier(folder).run().findings == [
          .init(
            .contract, "model.layers.1.",
            "vLLM runs self_attn.q_proj, self_attn.k_proj, self_attn.v_proj as one; their "
              + "weight_global_scale differs")
        ])
    }
  }

  /// A target that one of the layers has a scheme of its own by, and the layers that are run as one.
  @Test(arguments: [
    ("re:.*up_proj", "model.layers.0.mlp.", "gate_proj, up_proj"),
    ("re:.*0.*k_proj", "model.layers.0.", "self_attn.q_proj, self_attn.k_proj, self_attn.v_proj"),
  ])
  func fusedLayersShareAScheme(_ target: String, _ place: String, _ names: String) throws {
    try ReferenceCheckpoint.withCopy("w4a16") { folder in
      let file = folder.appending(path: "config.json")
      var configuration = try JSONValue.parse(Array(Data(contentsOf: file)))
      var fields = try #require(configuration["quantization_config"])
      var groups = try #require(fields["config_groups"])
      var group = try #require(groups["group_0"])
      var weights = try #require(group["weights"])
      weights.set("symmetric", false)
      group.set("weights", weights)
      group.set("targets", [.string(target)])
      groups.set("group_1", group)
      fields.set("config_groups", groups)
      configuration.set("quantization_config", fields)
      try Data(configuration.text().utf8).write(to: file)
      let found = Verifier(folder).run().findings
      #expect(
        found.contains {
          $0 == .init(.contract, place, "vLLM runs \(names) as one; they have different schemes")
        }, "\(found)")
    }
  }

  @Test(arguments: ["architectures", "model_type"])
  func theModelsClassIsKnown(_ key: String) throws {
    try ReferenceCheckpoint.withCopy("w4a16") { folder in
      let file = folder.appending(path: "config.json")
      let whole = try JSONValue.parse(Array(Data(contentsOf: file)))
      for value: JSONValue in [nil, [], 3] {
        var configuration = whole
        configuration.set(key, value)
        try Data(configuration.text().utf8).write(to: file)
        let found = Verifier(folder).run().findings
        #expect(found.map(\.place) == ["config.json: \(key)"], "\(found)")
        #expect(found.everySatisfies { $0.kind == .contract && $0.message.contains("is missing") })
      }
    }
  }

  /// What the configuration says and what is stored must agree.
  @Test(arguments: [
    ("ignore", #"[]"#, "lm_head", "ignore does not"),
    ("ignore", #"["lm_head", "re:.*down_proj"]"#, "down_proj", "ignore lists it"),
    ("quant_method", #""bitsandbytes""#, "quant_method", "expected compressed-tensors"),
    ("format", #""other""#, "format", "expected"),
    ("config_groups", #"{}"#, "config_groups", "missing or empty"),
  ])
  func contractsAreChecked(_ key: String, _ value: String, _ place: String, _ message: String)
    throws
  {
    try ReferenceCheckpoint.withCopy("w4a16") { folder in
      let file = folder.appending(path: "config.json")
      var configuration = try JSONValue.parse(Array(Data(contentsOf: file)))
      var fields = try #require(configuration["quantization_config"])
      fields.set(key, try JSONValue.parse(Array(value.utf8)))
      configuration.set("quantization_config", fields)
      try Data(configuration.text().utf8).write(to: file)
      let report = Verifier(folder).run()
      #expect(
        report.findings.contains {
          $0.place.contains(place) && $0.message.contains(message) && $0.kind == .contract
        }, "\(report.findings)")
    }
  }
}
