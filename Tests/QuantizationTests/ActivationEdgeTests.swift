import CKernels
import TestSupport
import Testing

/// Activations at the edges of what floats can hold: each gives a finite result and finite gradients.
@Suite struct ActivationEdgeTests {
  static let rows: [(name: String, elements: [Float])] = [
    ("zeros", Array(repeating: 0, count: 64)),
    ("negative zeros", Array(repeating: -0.0, count: 64)),
    ("equal", Array(repeating: 0.75, count: 64)),
    ("equal and negative", Array(repeating: -0.75, count: 64)),
    ("outlier", (0..<64).map { $0 == 9 ? -60000 : Float($0 % 7 - 3) * 1e-3 }),
    ("subnormal", (0..<64).map { Float($0 % 5 - 2) * 714 * .leastNonzeroMagnitude }),
    ("largest of f16", (0..<64).map { $0 % 2 == 0 ? 65504 : -65504 }),
    ("one group of zeros", (0..<64).map { $0 < 32 ? 0 : Float($0 - 48) }),
  ]

  static let kinds =
    ActivationOracleTests.cases + [
      .init("int4_token", bitCount: 4), .init("int4_token_asym", bitCount: 4, isSymmetric: false),
      .init("int8_tensor_static", given: 0.02), .init("int4_group16", bitCount: 4, groupSize: 16),
    ]

  @Test(arguments: kinds.indices, rows.indices)
  func staysFinite(kind: Int, row: Int) {
    let (name, x) = Self.rows[row]
    var rule = Self.kinds[kind].rule
    for isRuntime in [false, true] {
      rule.runtime = isRuntime ? 1 : 0
      var y = [Float](repeating: .nan, count: 64)
      ck_activation_quantize(&rule, x, 64, &y, 0, 1)
      #expect(y.everySatisfies { $0.isFinite }, "\(name), runtime \(isRuntime): \(y)")
      // An element keeps its sign, or becomes zero, and none grows beyond a step of its group.
      let largest = x.map { abs($0) }.max() ?? 0
      for (before, after) in zip(x, y) {
        #expect(before * after >= 0 && abs(after) <= 2 * largest, "\(name): \(before) -> \(after)")
      }
      let gradient = (0..<64).map { Float($0 % 3) - 1 }
      var dx = [Float](repeating: .nan, count: 64)
      var dscale: [Float] = [.nan]
      ck_activation_backward(&rule, x, 64, gradient, &dx, 0, &dscale, 0, 1)
      #expect(dx.everySatisfies { $0.isFinite }, "\(name), runtime \(isRuntime): gradient \(dx)")
      if rule.given > 0, rule.format == CK_FP8 { #expect(dscale[0].isFinite, "\(name)") }
    }
  }
}
