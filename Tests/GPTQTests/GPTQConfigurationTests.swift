import Checkpoints
import Diagnostics
import GPTQ
import JSONText
import Quantization
import QuantizedCheckpoints
import Tensors
import TestSupport
import Testing

/// What the configurations of GPTQ, AWQ and auto_round say of layers.
@Suite struct GPTQConfigurationTests {
  private func schemes(
    _ text: String, _ layers: [String], kept: [String] = []
  ) throws -> [String: QuantizationArguments] {
    let fields = JSONReader(try JSONValue.parse(text), path: "quantization_config")
    let family = try #require(try GPTQ(fields))
    let stored = try family.storedSchemes(
      fields,
      tensors: kept.map {
        TensorInfo(name: "\($0).weight", dtype: .bfloat16, shape: [8, 8])
      })
    return try stored.schemes(
      of: (layers + kept).map { ModuleDescription(name: $0, shape: []) }
    ).compactMapValues(\.weights)
  }

  private func group(_ bitCount: Int, _ size: Int?, isSymmetric: Bool = true)
    -> QuantizationArguments
  {
    QuantizationArguments(
      bitCount: bitCount, isSymmetric: isSymmetric, strategy: size == nil ? .channel : .group,
      groupSize: size)
  }

  @Test func layersWithAWeightOfTheirOwnStay() throws {
    let found = try schemes(
      #"{"quant_method": "gptq", "bits": 4, "group_size": 128, "desc_act": false, "sym": true}"#,
      ["m.q", "m.k"], kept: ["lm_head"])
    #expect(found == ["m.q": group(4, 128), "m.k": group(4, 128)])
  }

  @Test func patternsOfGPTQModel() throws {
    let found = try schemes(
      #"{"quant_method": "gptq", "bits": 4, "group_size": 32, "sym": false, "dynamic": {"#
        + #""+:nothing": {"bits": 2}, "+:.*\\.down$": {"bits": 8, "group_size": -1}, "-:m\\.0\\..*": {}, ".*gate$": {"sym": true}}}"#,
      ["m.0.down", "m.1.down", "m.1.gate", "m.1.up"])
    #expect(
      found == [
        "m.1.down": group(8, nil, isSymmetric: false), "m.1.gate": group(4, 32),
        "m.1.up": group(4, 32, isSymmetric: false),
      ])
  }

  @Test func namesAndPatternsOfAutoRound() throws {
    let found = try schemes(
      #"{"quant_method": "auto-round", "bits": 2, "group_size": 32, "sym": true, "data_type": "int", "#
        + #""packing_format": "auto_round:auto_gptq", "extra_config": {"m.0.q": {"bits": 4}, "#
        + #"".*\\.down": {"bits": 8, "group_size": 64}, "m.0.k": {"bits": 16, "data_type": "float"}}}"#,
      ["m.0.q", "m.0.k", "m.0.v", "m.1.down"])
    #expect(found == ["m.0.q": group(4, 32), "m.0.v": group(2, 32), "m.1.down": group(8, 64)])
  }

  @Test func zeroPointsOfAWQ() throws {
    for (text, isSymmetric) in [("true", false), ("false", true)] {
      let found = try schemes(
        #"{"quant_method": "awq", "bits": 4, "group_size": 64, "version": "gemm", "zero_point": \#(text)}"#,
        ["a"])
      #expect(found == ["a": group(4, 64, isSymmetric: isSymmetric)])
    }
  }

  @Test(arguments: [
    (
      #"{"quant_method": "gptq", "group_size": 128}"#, "quantization_config",
      InputError.Code.missing
    ),
    (#"{"quant_method": "gptq", "bits": 5}"#, "quantization_config.bits", .unsupported),
    (#"{"quant_method": "gptq", "bits": "4"}"#, "quantization_config.bits", .invalidValue),
    (
      #"{"quant_method": "gptq", "bits": 4, "desc_act": true}"#, "quantization_config.desc_act",
      .unsupported
    ),
    (
      #"{"quant_method": "gptq", "bits": 4, "group_size": -2}"#, "quantization_config.group_size",
      .invalidValue
    ),
    (
      #"{"quant_method": "gptq", "bits": 4, "checkpoint_format": "marlin"}"#,
      "quantization_config.checkpoint_format", .unsupported
    ),
    (
      #"{"quant_method": "gptq", "bits": 4, "dynamic": [1]}"#, "quantization_config.dynamic",
      .invalidValue
    ),
    (
      #"{"quant_method": "gptq", "bits": 4, "dynamic": {"a": {"bits": 7}}}"#,
      "quantization_config.dynamic.a.bits", .unsupported
    ),
    (#"{"quant_method": "awq", "bits": 8}"#, "quantization_config.bits", .unsupported),
    (
      #"{"quant_method": "awq", "bits": 4, "version": "gemv"}"#, "quantization_config.version",
      .unsupported
    ),
    (
      #"{"quant_method": "auto-round", "bits": 4, "data_type": "nv_fp4"}"#,
      "quantization_config.data_type", .unsupported
    ),
    (#"{"quant_method": "auto-round", "bits": 16}"#, "quantization_config", .unsupported),
  ])
  func badConfigurationsAreRefused(text: String, place: String, code: InputError.Code) throws {
    let error = #expect(throws: InputError.self) { try schemes(text, ["a"]) }
    #expect(error?.place == place && error?.code == code, "\(String(describing: error))")
  }

  @Test func otherMethodsAreNotOfThisFamily() throws {
    #expect(try GPTQ(JSONReader(["quant_method": "bitsandbytes"])) == nil)
  }
}
