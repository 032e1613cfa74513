import CompressedTensors
import Diagnostics
import Execution
import Foundation
import JSONText
import Quantization
import QuantizedCheckpoints
import Tensors
import TestSupport
import Testing

/// Reading arguments, schemes and whole configurations, and what each error names.
@Suite struct ConfigurationTests {
  private func arguments(_ text: String) throws -> QuantizationArguments {
    try QuantizationArguments(.parse(text), path: "weights")
  }

  @Test func defaults() throws {
    #expect(try arguments("{}") == QuantizationArguments(bitCount: 8, strategy: .tensor))
    #expect(
      try arguments(#"{"num_bits": 4, "group_size": 128}"#)
        == QuantizationArguments(bitCount: 4, strategy: .group, groupSize: 128))
    #expect(
      try arguments(#"{"group_size": -1, "symmetric": false}"#)
        == QuantizationArguments(bitCount: 8, isSymmetric: false, strategy: .channel))
    #expect(
      try arguments(#"{"group_size": -1, "strategy": "channel"}"#).strategy == .channel)
    #expect(
      try arguments(#"{"type": "float", "block_structure": [128, 128]}"#)
        == QuantizationArguments(
          bitCount: 8, type: .float, strategy: .block, blockStructure: [128, 128]))
    #expect(
      try arguments(#"{"group_size": null, "actorder": null, "observer_kwargs": null}"#)
        == QuantizationArguments(bitCount: 8, strategy: .tensor))
  }

  @Test func everyFieldComesBack() throws {
    let all = QuantizationArguments(
      bitCount: 4, type: .float, strategy: .tensorGroup, groupSize: 16, dynamic: .local,
      activationOrder: .static, scaleDType: .float8E4M3, zeroPointDType: .int8, observer: "mse",
      observerArguments: [.init("grid", 20)])
    #expect(try QuantizationArguments(all.json) == all)
    #expect(all.json["scale_dtype"] == "torch.float8_e4m3fn")
    let token = QuantizationArguments(bitCount: 8, strategy: .token, dynamic: .all)
    #expect(try QuantizationArguments(token.json) == token)
    let block = QuantizationArguments(
      bitCount: 8, type: .float, strategy: .block, blockStructure: [128, 64])
    #expect(try QuantizationArguments(block.json) == block)
  }

  @Test(arguments: [
    (#"{"group_size": 0}"#, ["weights.group_size", "0", "positive"]),
    (#"{"group_size": -2}"#, ["weights.group_size", "-2", "positive"]),
    (#"{"group_size": 9223372036854775807}"#, ["weights.group_size", "at most 2147483648"]),
    (
      #"{"block_structure": [128, 9223372036854775807]}"#,
      ["weights.block_structure[1]", "2147483648"]
    ),
    (#"{"group_size": 1.5}"#, ["weights.group_size", "1.5", "integer"]),
    (#"{"group_size": "128"}"#, ["weights.group_size", "integer"]),
    (#"{"num_bits": 1}"#, ["weights.num_bits", "1", "2 to 8"]),
    (#"{"num_bits": 9}"#, ["weights.num_bits", "9", "2 to 8"]),
    (#"{"num_bits": 99999999999999999999}"#, ["weights.num_bits", "integer"]),
    (#"{"num_bits": 6, "type": "float"}"#, ["weights.num_bits", "6", "4 or 8"]),
    (#"{"type": "float", "symmetric": false}"#, ["weights.symmetric"]),
    (#"{"symmetric": "yes"}"#, ["weights.symmetric", "true or false"]),
    (#"{"strategy": "group"}"#, ["weights.group_size", "missing"]),
    (#"{"strategy": "tensor_group"}"#, ["weights.group_size", "missing"]),
    (#"{"strategy": "grouped"}"#, ["weights.strategy", "did you mean 'group'?"]),
    (#"{"strategy": "channel", "group_size": 128}"#, ["weights.group_size", "128", "channel"]),
    (#"{"strategy": "group", "group_size": -1}"#, ["weights.group_size", "-1"]),
    (#"{"strategy": "token"}"#, ["weights.dynamic"]),
    (#"{"strategy": "block"}"#, ["weights.block_structure", "missing"]),
    (#"{"block_structure": [128, 128], "strategy": "channel"}"#, ["weights.block_structure"]),
    (#"{"block_structure": [128]}"#, ["weights.block_structure", "two"]),
    (#"{"block_structure": [0, 128]}"#, ["weights.block_structure[0]"]),
    (#"{"dynamic": "always"}"#, ["weights.dynamic", "local"]),
    (#"{"scale_dtype": "torch.int3"}"#, ["weights.scale_dtype", "torch.int3"]),
    (#"{"actorder": "up"}"#, ["weights.actorder"]),
    (#"{"groupsize": 128}"#, ["weights.groupsize", "did you mean 'group_size'?"]),
    (#"{"wibble": 1}"#, ["weights.wibble", "known keys", "num_bits"]),
    (#"[4]"#, ["weights", "object"]),
  ])
  func refusesArguments(_ text: String, _ words: [String]) {
    expectInputError(.invalidValue, mentioning: words) { try arguments(text) }
  }

  @Test func schemes() throws {
    let scheme = try QuantizationScheme(
      .parse(
        #"{"targets": "Linear", "weights": {"num_bits": 4, "group_size": 32}, "input_activations": null}"#
      ))
    #expect(scheme.targets == ["Linear"])
    #expect(scheme.weights?.groupSize == 32)
    #expect(scheme.resolvedFormat == .packQuantized)
    try scheme.requireSupported()
    for (text, code, words) in [
      (#"{"weights": {}}"#, InputError.Code.missing, ["g.targets"]),
      (#"{"targets": [], "weights": {}}"#, .invalidValue, ["g.targets", "at least one"]),
      (#"{"targets": [1], "weights": {}}"#, .invalidValue, ["g.targets[0]"]),
      (#"{"targets": ["a"], "weight": {}}"#, .invalidValue, ["g.weight", "'weights'"]),
      (#"{"targets": ["a"], "weights": {"bits": 3}}"#, .invalidValue, ["g.weights.bits"]),
      (#"{"targets": ["a"], "weights": {"dynamic": true}}"#, .invalidValue, ["g.weights.dynamic"]),
      (#"{"targets": ["a"], "format": "zip"}"#, .invalidValue, ["g.format", "pack-quantized"]),
    ] {
      expectInputError(code, mentioning: words) {
        try QuantizationScheme(.parse(text), path: "g")
      }
    }
  }

  @Test func presets() throws {
    for bitCount in 2...8 {
      let symmetric = try QuantizationScheme.preset(named: "w\(bitCount)a16")
      #expect(
        symmetric.weights
          == QuantizationArguments(bitCount: bitCount, strategy: .group, groupSize: 128))
      #expect(symmetric.inputActivations == nil)
      #expect(symmetric.targets == ["Linear"])
      let asymmetric = try QuantizationScheme.preset(named: "W\(bitCount)A16_asym", targets: ["x"])
      #expect(asymmetric.weights?.isSymmetric == false)
      #expect(asymmetric.weights?.bitCount == bitCount)
      #expect(asymmetric.targets == ["x"])
    }
    for name in QuantizationScheme.supportedPresets {
      try QuantizationScheme.preset(named: name).requireSupported()
    }
    #expect(try QuantizationScheme.preset(named: "unquantized").isUnquantized)
    expectInputError(.unsupported, mentioning: ["INT4", "W2A16_ASYM to W8A16_ASYM"]) {
      try QuantizationScheme.preset(named: "int4")
    }
    expectInputError(.invalidValue, mentioning: ["W4A61", "did you mean"]) {
      try QuantizationScheme.preset(named: "W4A61")
    }
  }

  /// The presets of the checkpoints that the reference made with them.
  @Test(arguments: [
    ("W8A8", "w8a8_int8"), ("FP8_DYNAMIC", "fp8_dynamic"), ("FP8", "fp8_static"),
    ("FP8_BLOCK", "fp8_block"), ("MXFP4", "mxfp4"), ("MXFP8", "mxfp8"), ("nvfp4", "nvfp4"),
  ])
  func presetsOfTheReference(_ name: String, _ folder: String) throws {
    let file = Fixtures.folder.appending(path: "formats/\(folder)/config.json")
    let expected = try JSONReader(.parse(contentsOf: file)).required("quantization_config")
      .required("config_groups").required("group_0").value
    let scheme = try QuantizationScheme.preset(named: name)
    let configuration = CompressedTensorsConfiguration(
      schemes: ["a": scheme], modules: [ModuleDescription(name: "a", shape: [1, 1])])
    #expect(configuration.groups[0].json == expected)
  }

  @Test(arguments: [
    (#"{"quant_method": "bitsandbytes"}"#, InputError.Code.unsupported, "quant_method"),
    (#"{}"#, .missing, "quant_method"),
    (#"{"quant_method": "compressed-tensors"}"#, .missing, "config_groups"),
    (
      #"{"quant_method": "compressed-tensors", "config_groups": [], "ignore": []}"#,
      .invalidValue, "config_groups"
    ),
    (
      #"{"quant_method": "compressed-tensors", "config_groups": {}, "sparsity_config": {"a": 1}}"#,
      .unsupported, "sparsity_config"
    ),
    (
      #"{"quant_method": "compressed-tensors", "config_groups": {}, "ignored": []}"#,
      .invalidValue, "ignored"
    ),
    (
      #"""
      {"quant_method": "compressed-tensors",
       "config_groups": {"group_0": {"targets": ["a"], "weights": {"num_bits": 99}}}}
      """#, .invalidValue, "config_groups.group_0.weights.num_bits"
    ),
  ])
  func refusesConfigurations(_ text: String, _ code: InputError.Code, _ place: String) {
    let error = expectInputError(code) {
      let fields = try JSONReader(.parse(text))
      return try CheckpointFamilies.family(of: fields).storedSchemes(fields, tensors: [])
    }
    #expect(error?.place == place)
  }

  /// All readers go by the order of the file, whatever the names.
  @Test func groupsKeepTheOrderOfTheFile() throws {
    let groups = (0..<12).reversed().map {
      #""group_\#($0)": {"targets": ["t\#($0)"], "weights": {"num_bits": 4, "group_size": 32}}"#
    }
    let configuration = try CompressedTensorsConfiguration(
      fields: JSONReader(
        .parse(
          """
          {"quant_method": "compressed-tensors", "format": "pack-quantized",
           "config_groups": {\(groups.joined(separator: ","))}}
          """)))
    #expect(configuration.groups.map(\.targets) == (0..<12).reversed().map { ["t\($0)"] })
    #expect(configuration.namedGroups.last?.name == "config_groups.group_0")
    #expect(configuration.groups.everySatisfies { $0.format == .packQuantized })
    let back = try CompressedTensorsConfiguration(fields: JSONReader(configuration.json))
    #expect(back == configuration)
  }

  @Test func formatsMayMix() throws {
    let integers = try QuantizationScheme.preset(named: "W4A16", targets: ["a"])
    var other = integers
    other.targets = ["b"]
    other.format = .intQuantized
    let modules = ["a", "b", "c"].map { ModuleDescription(name: $0, shape: [1, 1]) }
    let configuration = CompressedTensorsConfiguration(
      schemes: ["a": integers, "b": other], modules: modules)
    #expect(configuration.format == .mixedPrecision)
    #expect(configuration.groups.map(\.targets) == [["a"], ["b"]])
    #expect(configuration.ignore == ["c"])
  }

  @Test func asymmetricWeightsRecordTheTypeOfZeroPoints() throws {
    let scheme = try QuantizationScheme.preset(named: "W4A16_ASYM")
    let configuration = CompressedTensorsConfiguration(
      schemes: ["a": scheme], modules: [ModuleDescription(name: "a", shape: [1, 1])])
    #expect(configuration.groups[0].weights?.zeroPointDType == .int8)
    #expect(configuration.groups[0].weights?.observer == "memoryless_minmax")
  }
}
