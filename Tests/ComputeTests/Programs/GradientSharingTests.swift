import CPU
import Compute
import Recordings
import ReferenceDevice
import TestSupport
import Testing

/// Additions give both operands the gradient that they get, in the same memory where that is safe. Each of
/// these graphs makes one mistake about "where" visible.
@Suite(.oneAtATime) struct GradientSharingTests {
  private func check(_ record: (inout Twin, Twin.Part) -> Twin.Part) throws {
    for compute in ComputeType.available {
      var twin = Twin(compute, batch: 2, tokens: 5)
      let x = twin.input(16)
      twin.finish(record(&twin, x))
      try twin.check(.chain)
      if twin.weights.contains(where: \.isMatrix) {
        try twin.check(.chain, training: .matrices)
      }
    }
  }

  /// `x + f(x)`: f adds to the gradient of x, which must not be the one that f still reads.
  @Test func residualAroundOneOperation() throws {
    try check { twin, x in twin.add(x, twin.linear(x)) }
    try check { twin, x in twin.add(twin.linear(x), x) }
  }

  /// Two residual steps, each after a norm.
  @Test func residualStream() throws {
    try check { twin, x in
      let middle = twin.add(x, twin.linear(twin.norm(x)))
      return twin.add(middle, twin.linear(twin.norm(middle)))
    }
  }

  /// `(x + f(n1(x))) + g(n2(x))` in every order of recording.
  @Test func parallelResiduals() throws {
    try check { twin, x in
      let a = twin.linear(twin.norm(x))
      let b = twin.linear(twin.norm(x))
      return twin.add(twin.add(x, a), b)
    }
    // g reads the gradient of the sum after n1 has added to that of x.
    try check { twin, x in
      let b = twin.linear(twin.norm(x))
      let a = twin.linear(twin.norm(x))
      return twin.add(twin.add(x, a), b)
    }
    try check { twin, x in
      let (n1, n2) = (twin.norm(x), twin.norm(x))
      let (a, b) = (twin.linear(n1), twin.linear(n2))
      return twin.add(twin.add(x, a), b)
    }
    try check { twin, x in
      let a = twin.linear(twin.norm(x))
      let sum = twin.add(x, a)
      let b = twin.linear(twin.norm(x))
      return twin.add(sum, b)
    }
    try check { twin, x in
      let (a, b) = (twin.linear(twin.norm(x)), twin.linear(twin.norm(x)))
      return twin.add(x, twin.add(a, b))
    }
  }

  /// The second operand is a sum itself, one part of which is made before a norm of x is taken.
  @Test func sumsOfSums() throws {
    try check { twin, x in
      let q = twin.linear(twin.linear(x))
      let p = twin.linear(twin.norm(x))
      return twin.add(x, twin.add(p, q))
    }
  }

  @Test func theSecondOperandHasOtherReaders() throws {
    try check { twin, x in
      let a = twin.linear(x)
      let sum = twin.add(x, a)
      return twin.add(sum, twin.linear(a))
    }
    try check { twin, x in
      let a = twin.linear(x)
      let b = twin.linear(a)
      return twin.add(twin.add(x, a), b)
    }
  }

  @Test func aValueAndItself() throws {
    try check { twin, x in twin.add(x, x) }
    try check { twin, x in
      let y = twin.linear(x)
      return twin.add(twin.add(y, y), twin.linear(x))
    }
    try check { twin, x in
      let (y, z) = (twin.linear(x), twin.linear(x))
      return twin.add(twin.add(y, y), twin.add(z, y))
    }
  }

  @Test func inputsAddedToEachOther() throws {
    var twin = Twin(.float32, tokens: 4)
    let (x, y, z) = (twin.input(8), twin.input(8), twin.input(8))
    twin.finish(twin.add(twin.add(x, y), twin.add(z, twin.linear(x))))
    try twin.check(.chain)
  }

  /// Graphs of additions, products and norms of random earlier values; whatever nobody reads is added to
  /// the result.
  @Test(arguments: 0..<60 as Range<UInt64>) func randomGraphs(seed: UInt64) throws {
    var generator = SeededGenerator(seed: seed)
    var twin = Twin(.float32, tokens: 3, seed: seed)
    var values = (0...generator.below(2)).map { _ in twin.input(8) }
    var unread = Set(values.indices)
    func pick() -> Twin.Part {
      // Late values more often than early ones.
      let index = max(generator.below(values.count), generator.below(values.count))
      unread.remove(index)
      return values[index]
    }
    for _ in 0..<3 + generator.below(9) {
      let result =
        switch generator.below(5) {
        case 0: twin.linear(pick())
        case 1: twin.norm(pick())
        default: twin.add(pick(), pick())
        }
      unread.insert(values.count)
      values.append(result)
    }
    var output = values[values.count - 1]
    for index in unread.sorted() where index != values.count - 1 {
      output = twin.add(output, values[index])
    }
    twin.finish(output)
    let first = try TwinProgram(twin).run()
    for (input, gradient) in zip(twin.inputs, first.inputGradients) {
      expectClose(
        gradient.map(Double.init), input.node.gradient.elements, Tolerance(ofLargest: 1e-5),
        "seed \(seed)")
    }
    for (parameter, gradient) in first.delivered {
      let weight = try #require(twin.weights.first { $0.parameter == parameter })
      expectClose(
        gradient.map(Double.init), weight.node.gradient.elements, Tolerance(ofLargest: 1e-5),
        "seed \(seed)")
    }
    #expect(first.delivered.count == twin.weights.count)
  }
}
