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
      _ name: String, format: ck_float_format? = nil, isSymmetric: Bool = true, groupSize: Int = 64,
      given: Float = 0
    ) {
      self.name = name
      rule = ck_activation_rule(
        is_float: format == nil ? 0 : 1, format: format ?? CK_FP8, bits: 8,
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
    // The reference finds the range of asymmetric integers in bf16; here it is found in f32.
    guard oracle.name != "int8_token_asym" || dtype == .float32 else { return }
    let file = try SafetensorsFile(
      opening: OracleCase.folder.appending(path: "act.safetensors"))
    let suffix = dtype == .bfloat16 ? "bf16" : "f32"
    let x = try file.tensor("in.x_\(suffix)")
    let gradient = try file.tensor("in.g").converted(to: dtype)
    var rule = oracle.rule
    rule.type = dtype == .bfloat16 ? CK_BF16 : CK_F32
    let best = ck_isa_available()
    defer { ck_isa_use(best) }
    for isa in [CK_ISA_PORTABLE, CK_ISA_AVX2, CK_ISA_AVX512] where isa.rawValue <= best.rawValue {
      ck_isa_use(isa)
      let what = "instruction set \(isa.rawValue)"
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
