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
      #expect(checkpoint.isMade(found))
    }
    #expect(checkpoint.configuration["quantization_config"] == nil)
    let parts = ["weight_scale_inv", "_blocks", "_scales"]
    #expect(
      checkpoint.tensorNames.everySatisfies { name in
        checkpoint.contains(name) && !parts.contains { name.hasSuffix($0) }
      })
    #expect(checkpoint.made?.storage.tensorCount == (model == "gpt_oss-mxfp4" ? 4 : 40))
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

  static let fp8 =
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

  /// Without sizes of blocks a matrix has one scale, under either name, of no dimensions or one; those of inputs are left
  /// out, and so are other scales kept.
  @Test(arguments: [#""activation_scheme": "static""#, #""weight_block_size": null"#])
  func matricesHaveOneScale(field: String) throws {
    try withTemporaryFolder { folder in
      func bytes(_ shape: [Int]) -> Tensor {
        let count = shape.reduce(1, *)
        return Tensor((0..<count).map { UInt8(8 + 5 * $0) }, shape: shape, dtype: .float8E4M3)
      }
      let tensors = [
        "a.weight": bytes([3, 4]), "a.weight_scale": Tensor([0.5], shape: []),
        "a.input_scale": Tensor([3], shape: []),
        "b.weight": bytes([2, 5]), "b.weight_scale_inv": Tensor([0.25], shape: [1]),
        "b.activation_scale": Tensor([3], shape: [1]),
        "c.weight": bytes([2, 2, 3]), "c.weight_scale_inv": Tensor([2, 4], shape: [2]),
        "d.weight": bytes([2, 1, 2]), "d.weight_scale": Tensor([2, 4], shape: [2, 1, 1]),
        "e.weight": Tensor([1, 2], shape: [1, 2]), "e.input_scale": Tensor([5], shape: [1]),
      ]
      let model = try write(
        #"{"quantization_config": {"quant_method": "fp8", \#(field)}, "dtype": "float32"}"#,
        tensors, to: folder)
      let checkpoint = try Checkpoint(opening: model)
      let names = ["a.weight", "b.weight", "c.weight", "d.weight", "e.input_scale", "e.weight"]
      #expect(checkpoint.tensorNames.sorted() == names)
      let factors: [String: [Float]] = ["a": [0.5], "b": [0.25], "c": [2, 4], "d": [2, 4]]
      for (module, factors) in factors {
        let codes = try #require(tensors["\(module).weight"])
        let size = codes.count / factors.count
        let expected = codes.elements(as: UInt8.self).enumerated().map {
          Self.number($1) * factors[$0 / size]
        }
        #expect(try checkpoint.tensor("\(module).weight").floats() == expected)
      }
      let last = try checkpoint.tensor("c.weight", shape: [2, 2, 3], member: 1)
      #expect(try checkpoint.tensor("c.weight").slice(1..<2).reshaped([2, 3]) == last)
      #expect(
        checkpoint.made?.storage.description == "fp8 (e4m3), a scale for each matrix, read as f32")
      #expect(try checkpoint.tensor("e.weight").floats() == [1, 2])
    }
  }

  /// Another method is what it was: a quantized checkpoint.
  @Test func otherMethodsAreLeftAlone() throws {
    try withTemporaryFolder { folder in
      let model = try write(
        #"{"quantization_config": {"quant_method": "fbgemm_fp8", "activation_scale_ub": 1200}}"#,
        ["a.weight": Tensor([UInt8(1), 2], shape: [1, 2], dtype: .float8E4M3)], to: folder)
      let checkpoint = try Checkpoint(opening: model)
      #expect(checkpoint.made == nil)
      #expect(checkpoint.configuration["quantization_config"] != nil)
    }
  }
}
