import CKernels
import Checkpoints
import Foundation
import Quantization
import Tensors
import TestSupport
import Testing

/// Compares the quantization of activations with the reference's functions, on every instruction set.
@Suite(.serialized) struct ActivationOracleTests {
  struct Case: Sendable, CustomTestStringConvertible {
    var name: String
    var rule: ck_activation_rule
    var testDescription: String { name }

    init(
      _ name: String, format: ck_float_format? = nil, bitCount: Int32 = 8, isSymmetric: Bool = true,
      groupSize: Int = 64, given: Float = 0
    ) {
      self.name = name
      rule = ck_activation_rule(
        is_float: format == nil ? 0 : 1, format: format ?? CK_FP8, bits: bitCount,
        symmetric: isSymmetric ? 1 : 0, runtime: 0, columns: 64, group_size: groupSize,
        given: given, type: CK_F32)
    }
  }

  static let cases = [
    Case("int8_token"), Case("int8_token_asym", isSymmetric: false),
    Case("fp8_token", format: CK_FP8), Case("fp8_group32", format: CK_FP8, groupSize: 32),
    Case("fp8_tensor_static", format: CK_FP8, given: 5.25 * 0.9 / 448),
    Case("mxfp4", format: CK_MXFP4, groupSize: 32), Case("mxfp8", format: CK_MXFP8, groupSize: 32),
    Case("nvfp4_static_gs", format: CK_NVFP4, groupSize: 16, given: 2688 / 5.25),
  ]

  @Test(arguments: cases.indices, [DType.float32, .bfloat16])
  func matchesReference(index: Int, dtype: DType) throws {
    let oracle = Self.cases[index]
    guard oracle.name != "int8_token_asym" || dtype == .float32 else { return }
    let file = try SafetensorsFile(
      opening: OracleCase.folder.appending(path: "act.safetensors"))
    let suffix = dtype == .bfloat16 ? "bf16" : "f32"
    let x = try file.tensor("in.x_\(suffix)")
    let gradient = try file.tensor("in.g").converted(to: dtype)
    var rule = oracle.rule
    rule.type = dtype == .bfloat16 ? CK_BF16 : CK_F32
    try forEachInstructionSet { what in
      var y = Tensor(zeros: x.shape, dtype: dtype)
      var dx = Tensor(zeros: x.shape, dtype: dtype)
      var dscale = [Float](repeating: 0, count: 10)
      x.withUnsafeBytes { x in
        y.withUnsafeMutableBytes {
          ck_activation_quantize(&rule, x.baseAddress, 64, $0.baseAddress, 0, 10)
        }
        gradient.withUnsafeBytes { gradient in
          dx.withUnsafeMutableBytes {
            ck_activation_backward(
              &rule, x.baseAddress, 64, gradient.baseAddress, $0.baseAddress, 0, &dscale, 0, 10)
          }
        }
      }
      let prefix = "\(oracle.name).\(suffix)"
      expectClose(y, try file.tensor("\(prefix).qdq"), .exact, what)
      try expectScales(of: y, oracle, file, prefix)
      // In bf16 the reference rounds sums on the way, so that the last bits differ.
      let tolerance =
        dtype == .bfloat16
        ? Tolerance(relative: 0x1p-6, ofLargest: 5e-3) : Tolerance(ofLargest: 1e-5)
      expectClose(dx, try file.tensor("\(prefix).d_x"), tolerance, "\(what): dx")
      if oracle.name == "fp8_tensor_static" {
        let expected = try file.tensor("\(prefix).d_act_max_scale").floats()
        expectClose(
          [dscale.reduce(0, +) * 5.25 / 448], expected, Tolerance(relative: 1e-5), "\(what): scale")
      }
    }
  }

  /// The scale that the numbers of each group show is the reference's: its extremes are the ends of the
  /// grid, or what rounding leaves of them.
  private func expectScales(
    of y: Tensor, _ oracle: Case, _ file: SafetensorsFile, _ prefix: String
  ) throws {
    let (numbers, size) = (y.floats(), oracle.rule.group_size)
    let expected = try file.tensor("\(prefix).scale").floats()
    let zeroPoints = oracle.rule.symmetric == 0 ? try file.tensor("\(prefix).zp").floats() : nil
    #expect(oracle.rule.format == CK_FP8 && oracle.rule.given > 0 || expected.count == 640 / size)
    // In bf16 the numbers that show it are rounded themselves.
    let tolerance = Tolerance(relative: y.dtype == .bfloat16 ? 0x1p-7 : 1e-6)
    for (group, scale) in expected.enumerated() {
      let elements = numbers[group * size..<(group + 1) * size]
      let (least, greatest) = (min(elements.min() ?? 0, 0), max(elements.max() ?? 0, 0))
      let largest = max(-least, greatest)
      switch (oracle.rule.is_float != 0, oracle.rule.format) {
      case (false, _) where zeroPoints != nil:
        // Both ends are rounded, so that there may be a step less or more.
        #expect(abs((greatest - least) / scale - 255) < 1.01)
        #expect(abs(-least / scale - (zeroPoints?[group] ?? 0)) < 1.01)
        #expect(elements.everySatisfies { abs(($0 / scale).rounded() - $0 / scale) < 1e-3 })
      case (false, _):
        // The side that reaches further is -128.
        expectClose([greatest == largest ? -greatest / 128 : largest / 128], [scale], tolerance)
      case (_, CK_FP8) where oracle.rule.given > 0:
        expectClose([oracle.rule.given], [scale], Tolerance(relative: 1e-6))
      case (_, CK_FP8): expectClose([largest / 448], [scale], tolerance)
      case (_, CK_NVFP4):
        // The largest magnitude becomes 6 of them, whatever the scale was rounded to.
        expectClose([largest * oracle.rule.given / 6], [scale], tolerance)
      case (_, let format):
        #expect(Float(Int(largest.exponent) - (format == CK_MXFP8 ? 8 : 2)) == scale)
      }
    }
  }

  /// The reference finds the range of asymmetric integers in bf16, and so a scale that is off by up to half
  /// a unit of bf16; here the range is that of the values. Numbers differ by what that makes of 255 steps.
  @Test func theRangeOfAsymmetricIntegersIsNotRounded() throws {
    let file = try SafetensorsFile(opening: OracleCase.folder.appending(path: "act.safetensors"))
    let x = try file.tensor("in.x_bf16")
    var rule = Self.cases[1].rule
    rule.type = CK_BF16
    var y = Tensor(zeros: x.shape, dtype: .bfloat16)
    x.withUnsafeBytes { x in
      y.withUnsafeMutableBytes {
        ck_activation_quantize(&rule, x.baseAddress, 64, $0.baseAddress, 0, 10)
      }
    }
    let scales = try file.tensor("int8_token_asym.bf16.scale").floats()
    let values = x.floats()
    var ours: [Float] = []
    for row in 0..<10 {
      let numbers = values[row * 64..<(row + 1) * 64]
      let range = max(numbers.max() ?? 0, 0) - min(numbers.min() ?? 0, 0)
      let rounded = Tensor([range], shape: [1]).converted(to: .bfloat16).floats()[0]
      expectClose([scales[row]], [rounded / 255], Tolerance(relative: 0x1p-8), "row \(row)")
      expectClose([scales[row]], [range / 255], Tolerance(relative: 0x1p-7), "row \(row)")
      ours += numbers.map { _ in scales[row] }
    }
    let theirs = try file.tensor("int8_token_asym.bf16.qdq").floats()
    for (index, (found, expected)) in zip(y.floats(), theirs).enumerated() {
      #expect(abs(found - expected) <= 1.5 * ours[index] + 0x1p-8 * abs(expected))
    }
    let exact = zip(y.floats(), theirs).count { $0 == $1 }
    #expect(exact >= 320, "\(exact) of 640 are the same")
  }

  /// What is there already is added to, and rows may lie apart.
  @Test(arguments: cases.indices) func accumulates(index: Int) {
    var rule = Self.cases[index].rule
    var generator = SeededGenerator(seed: 5)
    let (x, gradient) = (generator.normal(3 * 80), generator.normal(3 * 64))
    var alone = [Float](repeating: 0, count: 3 * 80)
    var added = [Float](repeating: 2, count: 3 * 80)
    ck_activation_backward(&rule, x, 80, gradient, &alone, 0, nil, 0, 3)
    ck_activation_backward(&rule, x, 80, gradient, &added, 1, nil, 0, 3)
    for index in x.indices {
      let expected = index % 80 < 64 ? alone[index] + 2 : 2
      #expect(abs(added[index] - expected) <= 1e-5)
    }
  }

  /// The scales that runtimes use, where they differ from those of tuning.
  @Test func followsRuntimes() {
    func quantized(_ index: Int, _ row: [Float]) -> [Float] {
      var rule = Self.cases[index].rule
      rule.runtime = 1
      rule.columns = row.count
      rule.group_size = row.count
      var y = row
      ck_activation_quantize(&rule, row, row.count, &y, 0, 1)
      return y
    }
    // 127.5 steps reach the largest magnitude, whose sign does not matter.
    #expect(quantized(0, [255, -255, 3, 0]) == [254, -256, 4, 0])
    #expect(quantized(0, [0, 0]) == [0, 0])
    #expect(quantized(2, [0, 0]) == [0, 0])
    // From 1.75 * 4 on a power of two more keeps the largest from being clipped.
    #expect(quantized(5, [6.9, 1]) == [6, 1])
    #expect(quantized(5, [7, 1]) == [8, 1])
  }
}
