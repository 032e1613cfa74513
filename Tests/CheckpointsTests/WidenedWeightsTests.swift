import Checkpoints
import Diagnostics
import Foundation
import JSONText
import Tensors
import TestSupport
import Testing

/// Checkpoints in small floats, read as numbers.
@Suite struct WidenedWeightsTests {
  /// What the reference makes of some of the tensors, by multiplication in f32.
  @Test(arguments: ["deepseek_v3-fp8", "gpt_oss-mxfp4"])
  func numbersAreTheReferences(model: String) throws {
    let folder = Fixtures.folder.appending(path: "models/\(model)")
    let checkpoint = try Checkpoint(opening: folder)
    let oracle = try SafetensorsFile(opening: folder.appending(path: "oracle.safetensors"))
    let names = oracle.entries.map(\.name).filter { $0.hasPrefix("widened.") }
    #expect(!names.isEmpty)
    for name in names {
      let expected = try oracle.tensor(name)
      let found = String(name.dropFirst("widened.".count))
      let tensor = try checkpoint.tensor(found, shape: expected.shape)
      #expect(tensor.floats() == expected.floats())
      #expect(checkpoint.info(found)?.dtype == tensor.dtype)
      #expect(checkpoint.isWidened(found))
    }
    #expect(checkpoint.configuration["quantization_config"] == nil)
    let parts = ["weight_scale_inv", "_blocks", "_scales"]
    #expect(
      checkpoint.tensorNames.everySatisfies { name in
        checkpoint.contains(name) && !parts.contains { name.hasSuffix($0) }
      })
    #expect(checkpoint.widened?.tensorCount == (model == "gpt_oss-mxfp4" ? 4 : 40))
    try checkpoint.requireFinite { _ in }
  }

  @Test func membersOfStacksAreReadAlone() throws {
    let checkpoint = try Checkpoint(
      opening: Fixtures.folder.appending(path: "models/gpt_oss-mxfp4"))
    let name = "model.layers.1.mlp.experts.gate_up_proj"
    let info = try #require(checkpoint.info(name))
    #expect(info.shape == [6, 64, 64])
    let whole = try checkpoint.tensor(name)
    var parts = 0
    try checkpoint.forEachPart(of: name) { member, part in
      let member = try #require(member)
      let expected = whole.slice(member..<member + 1).reshaped([64, 64])
      #expect(part == expected)
      #expect(try checkpoint.tensor(name, shape: info.shape, member: member) == expected)
      parts += 1
    }
    #expect(parts == 6)
  }

  // MARK: Small checkpoints

  private static let fp8 =
    #"{"quantization_config": {"quant_method": "fp8", "weight_block_size": [2, 3]}, "torch_dtype": "TYPE"}"#

  private func write(
    _ configuration: String, _ tensors: [String: Tensor], to folder: URL
  ) throws -> URL {
    let model = folder.appending(path: UUID().uuidString)
    let writer = try CheckpointWriter(
      output: model,
      tensors: tensors.sorted { $0.key < $1.key }.map {
        TensorInfo(name: $0.key, dtype: $0.value.dtype, shape: $0.value.shape)
      }, sources: [], overwrite: false)
    for (name, tensor) in tensors { try writer.write(tensor, named: name) }
    try writer.write(configuration, toFile: "config.json")
    try writer.finish()
    return model
  }

  /// All codes but NaN, in blocks that do not divide them, of a stack of two matrices.
  @Test(arguments: [DType.float32, .bfloat16, .float16])
  func blocksScaleCodes(dtype: DType) throws {
    var generator = SeededGenerator(seed: 5)
    let codes = (0..<2 * 5 * 7).map { _ in UInt8(generator.below(127) + 128 * generator.below(2)) }
    let scales = generator.uniform(2 * 3 * 3, in: 0.001...0.01)
    try withTemporaryFolder { folder in
      let names: [DType: String] = [
        .float32: "float32", .bfloat16: "bfloat16", .float16: "float16",
      ]
      let model = try write(
        Self.fp8.replacing("TYPE", with: names[dtype] ?? ""),
        [
          "w": Tensor(codes, shape: [2, 5, 7], dtype: .float8E4M3),
          "w_scale_inv": Tensor(scales, shape: [2, 3, 3]),
        ], to: folder)
      let checkpoint = try Checkpoint(opening: model)
      #expect(checkpoint.tensorNames == ["w"])
      #expect(checkpoint.info("w")?.dtype == dtype)
      let products = codes.indices.map { index in
        let (stack, row, column) = (index / 35, index / 7 % 5, index % 7)
        return Self.number(codes[index]) * scales[(stack * 3 + row / 2) * 3 + column / 3]
      }
      let expected = Tensor(products, shape: [2, 5, 7]).converted(to: dtype)
      #expect(try checkpoint.tensor("w") == expected)
      #expect(
        try checkpoint.tensor("w", shape: [2, 5, 7], member: 1)
          == expected.slice(1..<2).reshaped([5, 7]))
    }
  }

  /// The number of a sign, four bits of exponent and three of fraction.
  private static func number(_ code: UInt8) -> Float {
    let (exponent, fraction) = (Int(code >> 3 & 15), Float(code & 7) / 8)
    let magnitude =
      exponent == 0
      ? fraction * 0x1p-6
      : (1 + fraction) * Float(sign: .plus, exponent: exponent - 7, significand: 1)
    return code < 128 ? magnitude : -magnitude
  }

  /// Every code of four bits, and the least exponents, whose products are subnormal.
  @Test func groupsScalePairs() throws {
    let numbers: [Float] = [0, 0.5, 1, 1.5, 2, 3, 4, 6, -0.0, -0.5, -1, -1.5, -2, -3, -4, -6]
    let exponents: [UInt8] = [127, 0, 130, 1, 240, 120]
    // [1, 3, 2, 16]: a byte has code k and code k + 5.
    let bytes = (0..<6 * 16).map { index -> UInt8 in
      let (low, high) = (UInt8(index % 16), UInt8((index + 5) % 16))
      return low | high << 4
    }
    try withTemporaryFolder { folder in
      let model = try write(
        #"{"quantization_config": {"quant_method": "mxfp4"}, "dtype": "float32"}"#,
        [
          "e_blocks": Tensor(bytes: bytes, shape: [1, 3, 2, 16], dtype: .uint8),
          "e_scales": Tensor(bytes: exponents, shape: [1, 3, 2], dtype: .uint8),
        ], to: folder)
      let checkpoint = try Checkpoint(opening: model)
      #expect(checkpoint.tensorNames == ["e"])
      let tensor = try checkpoint.tensor("e", shape: [1, 64, 3])
      let found = tensor.floats()
      for column in 0..<64 {
        for row in 0..<3 {
          let (group, element) = (row * 2 + column / 32, column % 32)
          let byte = bytes[group * 16 + element / 2]
          let code = element % 2 == 0 ? byte & 15 : byte >> 4
          let scale = Float(sign: .plus, exponent: Int(exponents[group]) - 127, significand: 1)
          #expect(found[column * 3 + row] == numbers[Int(code)] * scale)
        }
      }
    }
  }

  // MARK: Faults

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

  @Test(arguments: faults) func faultsAreNamed(fault: Fault) throws {
    try withTemporaryFolder { folder in
      let tensors = fault.tensors.map { name, kind in
        let count = kind.1.reduce(kind.0.byteCount, *)
        let bytes = fault.elements[name] ?? Array(repeating: UInt8(1), count: count)
        return (name, Tensor(bytes: bytes, shape: kind.1, dtype: kind.0))
      }
      let model = try write(
        fault.configuration, Dictionary(uniqueKeysWithValues: tensors), to: folder)
      if fault.isFoundInNumbers {
        let checkpoint = try Checkpoint(opening: model)
        expectInputError(fault.code, mentioning: fault.mentions) {
          try checkpoint.requireFinite { _ in }
        }
        expectInputError(fault.code, mentioning: fault.mentions) {
          for name in checkpoint.tensorNames { _ = try checkpoint.tensor(name) }
        }
      } else {
        expectInputError(fault.code, mentioning: fault.mentions) {
          _ = try Checkpoint(opening: model)
        }
      }
    }
  }

  /// FP8 without sizes of blocks is what it was: a quantized checkpoint.
  @Test func otherMethodsAreLeftAlone() throws {
    try withTemporaryFolder { folder in
      let model = try write(
        #"{"quantization_config": {"quant_method": "fp8", "activation_scheme": "static"}}"#,
        ["a.weight": Tensor([UInt8(1), 2], shape: [1, 2], dtype: .float8E4M3)], to: folder)
      let checkpoint = try Checkpoint(opening: model)
      #expect(checkpoint.widened == nil)
      #expect(checkpoint.configuration["quantization_config"] != nil)
    }
  }
}
