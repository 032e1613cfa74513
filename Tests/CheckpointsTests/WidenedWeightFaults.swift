import Diagnostics
import Tensors
import Testing

// What can be wrong with weights in small floats.

extension WidenedWeightsTests {
  struct Fault: Sendable, CustomTestStringConvertible {
    var testDescription: String
    var code: InputError.Code
    var mentions: [String]
    var configuration = WidenedWeightsTests.fp8.replacing("TYPE", with: "bfloat16")
    var isFoundInNumbers = false
    /// Names with types and shapes; elements are ones, or these.
    var tensors: [String: (DType, [Int])] = [:]
    var elements: [String: [UInt8]] = [:]
  }

  private static let sound: [String: (DType, [Int])] = [
    "a.weight": (.float8E4M3, [4, 6]), "a.weight_scale_inv": (.float32, [2, 2]),
  ]
  private static let soundGroups: [String: (DType, [Int])] = [
    "e_blocks": (.uint8, [2, 3, 1, 16]), "e_scales": (.uint8, [2, 3, 1]),
  ]
  private static let matrices = #"{"quantization_config": {"quant_method": "fp8"}}"#
  private static let mxfp4 = #"{"quantization_config": {"quant_method": "mxfp4"}}"#

  static var faults: [Fault] {
    func block(_ size: String) -> String { fp8.replacing("[2, 3]", with: size) }
    func sizes(_ name: String, _ size: String, _ mentions: [String]) -> Fault {
      Fault(
        testDescription: name, code: .invalidValue, mentions: ["config.json"] + mentions,
        configuration: block(size).replacing("TYPE", with: "bfloat16"), tensors: sound)
    }
    func changed(
      _ base: [String: (DType, [Int])], _ name: String, _ kind: (DType, [Int])?
    ) -> [String: (DType, [Int])] {
      var tensors = base
      tensors[name] = kind
      return tensors
    }
    let file = "model.safetensors"
    return [
      sizes("a block of no rows", "[0, 3]", ["weight_block_size[0]", "found 0"]),
      sizes("a block of negative columns", "[2, -3]", ["weight_block_size[1]", "found -3"]),
      sizes("a block beyond all bounds", "[2, 9223372036854775807]", ["weight_block_size[1]"]),
      sizes("a block of one size", "[2]", ["weight_block_size", "rows and columns"]),
      sizes("a block of words", #"["2", "3"]"#, ["weight_block_size[0]", "integer"]),
      sizes("a block that is a number", "128", ["weight_block_size", "an array"]),
      Fault(
        testDescription: "another kind of float", code: .unsupported, mentions: ["fmt", "e5m2"],
        configuration:
          #"{"quantization_config": {"quant_method": "fp8", "fmt": "e5m2", "weight_block_size": [2, 3]}}"#,
        tensors: sound),
      Fault(
        testDescription: "several scales of a matrix", code: .malformed,
        mentions: [file, "'a.weight_scale'", "[4]", "[1, 1]"], configuration: matrices,
        tensors: ["a.weight": (.float8E4M3, [4, 6]), "a.weight_scale": (.float32, [4])]),
      Fault(
        testDescription: "no scale of a matrix", code: .missing,
        mentions: [file, "'a.weight'", "a.weight_scale_inv"], configuration: matrices,
        tensors: ["a.weight": (.float8E4M3, [4, 6]), "a.input_scale": (.float32, [])]),
      Fault(
        testDescription: "one scale for a stack", code: .malformed,
        mentions: [file, "'a.weight_scale'", "[1]", "[2, 1, 1]"], configuration: matrices,
        tensors: ["a.weight": (.float8E4M3, [2, 4, 6]), "a.weight_scale": (.float32, [1])]),
      Fault(
        testDescription: "a scale of a matrix in full precision", code: .malformed,
        mentions: [file, "'a.weight'", "f32", "f8e4m3"], configuration: matrices,
        tensors: ["a.weight": (.float32, [4, 6]), "a.weight_scale": (.float32, [1])]),
      Fault(
        testDescription: "another type of numbers", code: .invalidValue,
        mentions: ["torch_dtype", "int8", "bfloat16"],
        configuration: fp8.replacing("TYPE", with: "int8"), tensors: sound),
      Fault(
        testDescription: "no small floats", code: .malformed,
        mentions: ["quantization_config", "no tensor is"],
        tensors: ["a.weight": (.float32, [4, 6])]),
      Fault(
        testDescription: "no scales", code: .missing,
        mentions: [file, "'a.weight'", "a.weight_scale_inv"],
        tensors: changed(sound, "a.weight_scale_inv", nil)),
      Fault(
        testDescription: "scales without a weight", code: .missing,
        mentions: [file, "'b.weight_scale_inv'", "b.weight"],
        tensors: changed(sound, "b.weight_scale_inv", (.float32, [1, 1]))),
      Fault(
        testDescription: "scales of another weight", code: .malformed,
        mentions: [file, "'b.weight'", "f32", "f8e4m3"],
        tensors: sound.merging([
          "b.weight": (.float32, [2, 3]), "b.weight_scale_inv": (.float32, [1, 1]),
        ]) { $1 }),
      Fault(
        testDescription: "too few scales", code: .malformed,
        mentions: [file, "'a.weight_scale_inv'", "[2, 1]", "[2, 2]"],
        tensors: changed(sound, "a.weight_scale_inv", (.float32, [2, 1]))),
      Fault(
        testDescription: "scales of bytes", code: .malformed,
        mentions: [file, "'a.weight_scale_inv'", "u8"],
        tensors: changed(sound, "a.weight_scale_inv", (.uint8, [2, 2]))),
      Fault(
        testDescription: "a vector", code: .malformed, mentions: [file, "'a.weight'", "[4]"],
        tensors: changed(sound, "a.weight", (.float8E4M3, [4]))),
      Fault(
        testDescription: "a scale that is NaN", code: .notFinite,
        mentions: [file, "'a.weight_scale_inv'", "element 1"], isFoundInNumbers: true,
        tensors: sound,
        elements: ["a.weight_scale_inv": [0, 0, 128, 63, 0, 0, 192, 127, 0, 0, 0, 0, 0, 0, 0, 0]]),
      Fault(
        testDescription: "a scale that makes infinities", code: .notFinite,
        mentions: [file, "'a.weight_scale_inv'", "element 0"], isFoundInNumbers: true,
        tensors: sound,
        elements: ["a.weight_scale_inv": [0, 0, 127, 127] + Array(repeating: 0, count: 12)]),
      Fault(
        testDescription: "a code that is NaN", code: .notFinite, mentions: [file, "'a.weight'"],
        isFoundInNumbers: true, tensors: sound,
        elements: ["a.weight": Array(repeating: 1, count: 23) + [0xFF]]),
      Fault(
        testDescription: "codes of another shape", code: .malformed,
        mentions: [file, "'e_blocks'", "[2, 3, 2, 8]"], configuration: mxfp4,
        tensors: changed(soundGroups, "e_blocks", (.uint8, [2, 3, 2, 8]))),
      Fault(
        testDescription: "exponents of another shape", code: .malformed,
        mentions: [file, "'e_scales'", "[2, 3, 2]"], configuration: mxfp4,
        tensors: changed(soundGroups, "e_scales", (.uint8, [2, 3, 2]))),
      Fault(
        testDescription: "codes without exponents", code: .missing,
        mentions: [file, "'e_blocks'", "e_scales"], configuration: mxfp4,
        tensors: changed(soundGroups, "e_scales", nil)),
      Fault(
        testDescription: "exponents without codes", code: .missing,
        mentions: [file, "'e_scales'", "e_blocks"], configuration: mxfp4,
        tensors: changed(soundGroups, "e_blocks", nil)),
      Fault(
        testDescription: "experts that are there twice", code: .malformed,
        mentions: [file, "'e'", "e_blocks"], configuration: mxfp4,
        tensors: changed(soundGroups, "e", (.float32, [2, 32, 3]))),
      Fault(
        testDescription: "more inputs than can be counted", code: .malformed,
        mentions: [file, "'e_blocks'", "more numbers"], configuration: mxfp4,
        tensors: [
          "e_blocks": (.uint8, [0, 1, 1 << 58, 16]), "e_scales": (.uint8, [0, 1, 1 << 58]),
        ]),
      Fault(
        testDescription: "an exponent that is NaN", code: .notFinite,
        mentions: [file, "'e_scales'", "element 4"], configuration: mxfp4, isFoundInNumbers: true,
        tensors: soundGroups, elements: ["e_scales": [1, 2, 3, 4, 255, 6]]),
      Fault(
        testDescription: "an exponent that makes infinities", code: .notFinite,
        mentions: [file, "'e_scales'", "element 2"], configuration: mxfp4, isFoundInNumbers: true,
        tensors: soundGroups, elements: ["e_scales": [1, 2, 253, 4, 5, 6]]),
    ]
  }
}
