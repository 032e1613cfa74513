import CPU
import Compute
import Recordings
import TestSupport
import Testing

@Suite(.oneAtATime) struct GateTests {
  static let functions: [ElementFunction] = [
    .silu, .gelu, .geluTanh, .relu, .squaredReLU, .sigmoid, .scaled(-1.5), .capped(2),
    .clamped(0.75), .clamped(0.5, plus: 1), .swish(factor: 1.5, bound: 0.75),
  ]

  /// That of a sum, and what the approximation of the normal distribution costs.
  private static let allowance = Allowance(
    float32: Tolerance(absolute: 6e-7, ofLargest: 3e-6), bfloat16: Allowance.sum(.bfloat16))

  @Test(arguments: ComputeType.available, [1, 8, 33])
  func resultsAndGradients(compute: ComputeType, columns: Int) throws {
    for function in Self.functions {
      let allowance: Allowance = function == .silu ? .sum : Self.allowance
      for deviation in [0.1, 1, 10] as [Float] {
        var twin = Twin(compute, batch: 2, tokens: 6)
        let x = twin.input(2 * columns, deviation: deviation)
        twin.finish(
          twin.gate(
            function, twin.columns(0..<columns, of: x), twin.columns(columns..<2 * columns, of: x)))
        try twin.check(allowance)
        try twin.check(allowance, training: .nothing)
      }
    }
  }

  @Test(arguments: ComputeType.available, functions)
  func singleNumbers(compute: ComputeType, function: ElementFunction) throws {
    var twin = Twin(compute, batch: 2, tokens: 6)
    let x = twin.linear(twin.input(20))
    twin.finish(twin.map(function, twin.columns(0..<20, of: x)))
    try twin.check(.chain)
  }

  /// One number for all columns of a row, alone and where others have read both before.
  @Test(arguments: ComputeType.available, functions)
  func oneGateOfARow(compute: ComputeType, function: ElementFunction) throws {
    for columns in [1, 2, 33] {
      var twin = Twin(compute, batch: 2, tokens: 6)
      let (g, u) = (twin.input(1), twin.input(columns))
      twin.finish(twin.gate(function, g, u))
      try twin.check(.chain)

      var shared = Twin(compute, batch: 2, tokens: 6)
      let (h, v) = (shared.input(1), shared.input(columns))
      let first = shared.gate(function, h, v)
      let factors = shared.map(.relu, h)
      shared.finish(shared.add(shared.gate(.sigmoid, factors, shared.add(first, v)), first))
      try shared.check(.chain)
      try shared.check(.chain, training: .nothing)
    }
  }

  /// Operands of several values, of which one has other readers too.
  @Test(arguments: ComputeType.available)
  func gradientsAreAddedToThoseOfOtherReaders(compute: ComputeType) throws {
    var twin = Twin(compute, batch: 2, tokens: 6)
    let (g, u) = (twin.input(12), twin.input(12))
    let first = twin.gate(.sigmoid, g, u)
    twin.finish(twin.add(twin.gate(.geluTanh, u, g), twin.add(first, twin.map(.relu, g))))
    try twin.check(.chain)
  }
}
