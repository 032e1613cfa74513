import Foundation
import JSONText
import TestSupport
import Testing
import Verification

/// Checkpoints of GPTQ, AWQ and auto_round: sound ones of the reference, each kind of damage, and what loaders ask for.
@Suite struct ColumnDamageTests {
  static let formats = [
    "gptq_w4_asym", "awq_w4_asym", "auto_round_w4", "auto_round_w3", "auto_round_w2_asym",
  ]
  private static let layer = "model.layers.1.mlp.down_proj"

  @Test(arguments: formats) func aSoundCheckpointIsSound(_ format: String) throws {
    try ReferenceCheckpoint.withCopy(format) { folder in
      let report = Verifier(folder).run()
      #expect(report.findings == [], "\(report.findings)")
      #expect(report.quantizedLayerCount == 14)
      #expect(report.tensorParallelSizes.contains(2))
      let engine = try #require(report.runtimes.first { $0.name == "vLLM" })
      let isLoading = ["awq_w4_asym", "auto_round_w4", "auto_round_w3"].contains(format)
      #expect(engine.isLoading == isLoading, "\(engine)")
      #expect(report.runtimes.first { $0.name == "transformers" }?.isLoading == true)
    }
  }

  @Test(arguments: formats) func anyMissingTensorIsNamed(_ format: String) throws {
    try ReferenceCheckpoint.withCopy(format) { folder in
      let file = folder.appending(path: "model.safetensors")
      let whole = try TensorParts(file)
      // Both blocks are alike.
      let names = whole.header.map(\.key).filter {
        $0 != "__metadata__" && !$0.hasPrefix("model.layers.0.")
      }
      #expect(names.count == 7 * (format == "gptq_w4_asym" ? 4 : 3) + 5)
      for name in names {
        var parts = whole
        try parts.remove(name)
        try parts.write(to: file)
        let module = name.split(separator: ".").dropLast().joined(separator: ".")
        let found = Verifier(folder).run().findings
        #expect(
          found.contains {
            $0.kind == .damage && ($0.place == name || $0.place == module)
              && $0.message.contains("is missing")
          }, "\(name): \(found)")
      }
    }
  }

  /// The format, the end of a tensor's name, the bytes that its first get, and what is said of it.
  @Test(arguments: [
    ("gptq_w4_asym", "scales", [0x00, 0x7C] as [UInt8], "is inf"),
    ("awq_w4_asym", "scales", [0x01, 0x7E], "nan"),
    ("auto_round_w3", "scales", [0, 0], "is 0.0"),
    ("gptq_w4_asym", "qzeros", [0xFF], "is 16, expected at most 15"),
    ("auto_round_w4", "qzeros", [0x78], "is 9, expected 8 for symmetric"),
    ("gptq_w4_asym", "g_idx", [1], "is not in group 0"),
  ])
  func damagedNumbersAreNamed(
    _ format: String, _ part: String, _ bytes: [UInt8], _ message: String
  ) throws {
    try ReferenceCheckpoint.withCopy(format) { folder in
      let file = folder.appending(path: "model.safetensors")
      var parts = try TensorParts(file)
      let place = try parts.range("\(Self.layer).\(part)").lowerBound
      parts.data.replaceSubrange(place..<place + bytes.count, with: bytes)
      try parts.write(to: file)
      let found = Verifier(folder).run().findings
      #expect(
        found.count == 1 && found[0].kind == .damage && found[0].place == "\(Self.layer).\(part)"
          && found[0].message.contains(message), "\(found)")
    }
  }

  /// A change of the configuration, and a part of what is said.
  @Test(arguments: [
    ("gptq_w4_asym", "desc_act", "true", "stay in their order"),
    ("gptq_w4_asym", "group_size", "null", "is missing"),
    ("gptq_w4_asym", "group_size", "64", "expected F16"),
    ("gptq_w4_asym", "bits", "8", "expected I32"),
    ("gptq_w4_asym", "bits", "5", "does not say how"),
    ("gptq_w4_asym", "checkpoint_format", #""marlin""#, "expected gptq or gptq_v2"),
    ("gptq_w4_asym", "dynamic", #"{"-:.*q_proj": {}}"#, "is quantized, but"),
    (
      "auto_round_w4", "extra_config", #"{"model.layers.0.mlp.up_proj": {"bits": 8}}"#,
      "expected I32"
    ),
    ("auto_round_w4", "block_name_to_quantize", #""model.blocks""#, "no target matches it"),
    ("auto_round_w4", "packing_format", #""auto_round:triton""#, "expected auto_round"),
    ("awq_w4_asym", "version", #""gemv""#, "expected gemm"),
    ("awq_w4_asym", "modules_to_not_convert", #"[]"#, "is stored as it was"),
    ("awq_w4_asym", "modules_to_not_convert", #"["lm_head", "up_proj"]"#, "is quantized, but"),
    ("awq_w4_asym", "zero_point", "null", "is missing"),
  ])
  func configurationsThatLoadersMisreadAreNamed(
    _ format: String, _ key: String, _ value: String, _ message: String
  ) throws {
    try ReferenceCheckpoint.withCopy(format) { folder in
      let file = folder.appending(path: "config.json")
      var configuration = try JSONValue.parse(contentsOf: file)
      var fields = try #require(configuration["quantization_config"])
      fields.set(key, try .parse(value))
      configuration.set("quantization_config", fields)
      try Data(configuration.text().utf8).write(to: file)
      let report = Verifier(folder).run()
      #expect(report.findings.contains { $0.message.contains(message) }, "\(report.findings)")
    }
  }

  /// Of integers in the order of GPTQ, vLLM multiplies symmetric ones of 4 and 8 bits, whatever most layers have.
  @Test func integersThatAreNotLoadedAreNamed() throws {
    func runtimes(_ other: String, usual: String = #""bits": 4, "group_size": 128"#) throws
      -> RuntimeSupport
    {
      let text = """
        {"architectures": ["X"], "model_type": "x", "quantization_config": {
          "quant_method": "gptq", \(usual), "sym": true, "desc_act": false,
          "dynamic": {"+:^m\\\\.layers\\\\.1\\\\..*": \(other)}}}
        """
      let report = VerificationReport(
        planned: try JSONValue.parse(Array(text.utf8)),
        layers: ["m.layers.0.a": ([256, 256], true), "m.layers.1.a": ([256, 256], true)])
      return try #require(report.runtimes.first { $0.name == "vLLM" })
    }
    #expect(try runtimes(#"{"bits": 8}"#).isLoading)
    #expect(try runtimes(#"{"bits": 8, "group_size": -1}"#).isLoading)
    for other in [#"{"bits": 3}"#, #"{"bits": 2}"#, #"{"sym": false}"#, #"{"group_size": 16}"#] {
      let found = try runtimes(other)
      #expect(
        !found.isLoading && found.remark.contains("symmetric ones of 4 and 8 bits"), "\(other)")
    }
    #expect(try !runtimes(#"{"bits": 4}"#, usual: #""bits": 2, "group_size": 64"#).isLoading)
  }
}
