import Diagnostics
import JSONText
import Quantization
import TestSupport
import Testing

/// Which schemes can be tuned, written and read, and which key is at fault in the others.
@Suite struct SchemeSupportTests {
  @Test(arguments: [
    (#"{"weights": null, "input_activations": {"strategy": "token", "dynamic": true}}"#, "weights"),
    (#"{"weights": null, "format": "pack-quantized"}"#, "format"),
    (#"{"weights": {"type": "float", "num_bits": 4}}"#, "weights.group_size"),
    (#"{"weights": {"type": "float", "num_bits": 4, "group_size": 16}}"#, "weights.strategy"),
    (#"{"weights": {"type": "float", "scale_dtype": "int8"}}"#, "weights.scale_dtype"),
    (#"{"weights": {"block_structure": [2, 2]}}"#, "weights.strategy"),
    (#"{"weights": {"actorder": "group"}}"#, "weights.actorder"),
    (#"{"weights": {"scale_dtype": "float32"}}"#, "weights.scale_dtype"),
    (#"{"weights": {"scale_dtype": "float8_e4m3fn"}}"#, "weights.scale_dtype"),
    (
      #"{"weights": {"num_bits": 4, "group_size": 32, "scale_dtype": "uint8"}}"#,
      "weights.scale_dtype"
    ),
    (#"{"weights": {"symmetric": false, "zp_dtype": "int32"}}"#, "weights.zp_dtype"),
    (#"{"weights": {"zp_dtype": "bfloat16"}}"#, "weights.zp_dtype"),
    (#"{"weights": {"type": "float", "zp_dtype": "int8"}}"#, "weights.zp_dtype"),
    (#"{"weights": {}, "input_activations": {"dynamic": true}}"#, "input_activations.dynamic"),
    (#"{"weights": {}, "input_activations": {"symmetric": false}}"#, "input_activations.symmetric"),
    (
      #"{"weights": {}, "input_activations": {"strategy": "channel"}}"#,
      "input_activations.strategy"
    ),
    (
      #"{"weights": {}, "input_activations": {"type": "float", "dynamic": true}}"#,
      "input_activations.dynamic"
    ),
    (
      #"{"weights": {}, "input_activations": {"strategy": "token", "dynamic": true, "actorder": "group"}}"#,
      "input_activations.actorder"
    ),
    (
      #"{"weights": {}, "input_activations": {"strategy": "token", "dynamic": true, "scale_dtype": "uint8"}}"#,
      "input_activations.scale_dtype"
    ),
    (
      #"{"weights": {}, "input_activations": {"strategy": "token", "dynamic": true, "zp_dtype": "int8"}}"#,
      "input_activations.zp_dtype"
    ),
    (
      #"{"weights": {"type": "float", "strategy": "channel"}, "input_activations": {"type": "float", "strategy": "token", "dynamic": true, "scale_dtype": "uint8"}}"#,
      "input_activations.scale_dtype"
    ),
    (
      #"{"weights": {"type": "float", "num_bits": 4, "group_size": 32}, "input_activations": {"strategy": "token", "dynamic": true}}"#,
      "input_activations.type"
    ),
    (
      #"{"weights": {"type": "float", "strategy": "channel"}, "input_activations": {"strategy": "token", "dynamic": true}}"#,
      "input_activations.type"
    ),
    (
      #"{"weights": {"type": "float", "num_bits": 4, "group_size": 16, "strategy": "tensor_group"}, "input_activations": {"type": "float", "num_bits": 4, "group_size": 32, "dynamic": true}}"#,
      "input_activations.group_size"
    ),
    (
      #"{"weights": {"type": "float", "num_bits": 4, "group_size": 32}, "input_activations": {"type": "float", "group_size": 32, "scale_dtype": "uint8", "dynamic": true}}"#,
      "input_activations.num_bits"
    ),
    (
      #"{"weights": {}, "input_activations": {"type": "float", "num_bits": 4, "group_size": 32, "dynamic": true}}"#,
      "input_activations.num_bits"
    ),
    (#"{"weights": {}, "output_activations": {}}"#, "output_activations"),
    (#"{"weights": {}, "format": "float-quantized"}"#, "format"),
    (#"{"weights": {}, "format": "dense"}"#, "format"),
  ])
  func unsupportedSchemes(_ text: String, _ place: String) throws {
    let scheme = try QuantizationScheme(
      .parse(#"{"targets": ["a"], "# + text.dropFirst()), path: "g")
    let error = expectInputError(.unsupported, mentioning: ["expected"]) {
      try scheme.requireSupported(path: "g")
    }
    #expect(error?.place == "g." + place)
  }

  /// Keys that say what is so anyway.
  @Test(arguments: [
    #"{"weights": {"symmetric": false, "zp_dtype": "int8"}}"#,
    #"{"weights": {"type": "float", "num_bits": 4, "group_size": 32, "scale_dtype": "uint8"}}"#,
    #"{"weights": {}, "input_activations": {"strategy": "token", "dynamic": true, "symmetric": false, "zp_dtype": "int8"}}"#,
    #"{"weights": {"num_bits": 4, "group_size": 32}, "input_activations": {"type": "float", "strategy": "token", "dynamic": true}}"#,
    #"{"weights": {"strategy": "channel"}, "input_activations": {}}"#,
    #"{"weights": null, "input_activations": null}"#,
    #"{"weights": null, "format": "dense"}"#,
  ])
  func supportedSchemes(_ text: String) throws {
    try QuantizationScheme(.parse(#"{"targets": ["a"], "# + text.dropFirst())).requireSupported()
  }

  @Test(arguments: [
    ("{}", "type", "found int, expected float"),
    (#"{"type": "float", "num_bits": 4}"#, "num_bits", "found 4, expected 8"),
    (#"{"type": "float", "group_size": 32}"#, "strategy", "found group, expected tensor"),
    (#"{"type": "float", "dynamic": true}"#, "dynamic", "found true, expected false"),
    (
      #"{"type": "float", "scale_dtype": "float32"}"#, "scale_dtype",
      "found float32, expected null"
    ),
    (#"{"type": "float", "zp_dtype": "int8"}"#, "zp_dtype", "found int8, expected null"),
    (#"{"type": "float", "actorder": "static"}"#, "actorder", "found static, expected null"),
  ])
  func unsupportedKeysAndValues(_ text: String, _ key: String, _ message: String) throws {
    let scheme = try QuantizationArguments(.parse(text))
    let error = expectInputError(.unsupported, mentioning: [message]) {
      try scheme.requireKeyValues()
      try scheme.requireKeysInUse()
    }
    #expect(error?.place == key)
  }
}
