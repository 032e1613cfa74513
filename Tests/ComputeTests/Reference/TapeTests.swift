import Recordings
import ReferenceDevice
import TestSupport
import Testing

/// The reference's derivatives against central differences, so that what they are compared with can be
/// relied on.
@Suite struct TapeTests {
  /// One operation, or some, as a function of the leaves on a new tape.
  typealias Function = (Tape, [Tape.Node]) -> Tape.Node

  /// Compares the gradient of `sum(weights * function)` with differences, for every element of each leaf.
  private func check(_ shapes: [(Int, Int)], _ function: Function) {
    var generator = SeededGenerator(seed: 3)
    let leaves = shapes.map { rows, columns in
      Matrix(rows: rows, columns: columns, generator.normal(rows * columns))
    }
    let tape = Tape()
    let nodes = leaves.map(Tape.Node.init)
    let output = function(tape, nodes)
    let weights = Matrix(
      rows: output.value.rows, columns: output.value.columns,
      generator.normal(output.value.elements.count))
    tape.backward(from: output, gradient: weights)

    func value(_ leaf: Int, _ element: Int, moved step: Double) -> Double {
      var moved = leaves
      moved[leaf].elements[element] += step
      let y = function(Tape(), moved.map(Tape.Node.init)).value
      return zip(y.elements, weights.elements).reduce(0) { $0 + $1.0 * $1.1 }
    }
    let step = 1e-5
    for leaf in leaves.indices {
      let differences = leaves[leaf].elements.indices.map {
        (value(leaf, $0, moved: step) - value(leaf, $0, moved: -step)) / (2 * step)
      }
      // Central differences in f64 at this step are good to about 1e-9.
      expectClose(
        nodes[leaf].gradient.elements, differences, Tolerance(absolute: 1e-8), "leaf \(leaf)")
    }
  }

  @Test func linear() {
    check([(3, 5), (4, 5), (4, 1)]) { $0.linear($1[0], weight: $1[1], bias: $1[2]) }
  }

  @Test func norm() {
    for isCentered in [false, true] {
      let whole = Normalization(groupSize: 6, isCentered: isCentered, epsilon: 0.1)
      let heads = Normalization(groupSize: 2, isCentered: isCentered, epsilon: 0.1)
      check([(3, 6), (6, 1), (6, 1)]) { $0.norm($1[0], whole, weight: $1[1], bias: $1[2]) }
      check([(3, 6), (2, 1)]) { $0.norm($1[0], heads, weight: $1[1]) }
      check([(3, 6), (6, 1)]) { $0.norm($1[0], heads, weight: $1[1]) }
      check([(3, 6)]) { $0.norm($1[0], heads, weight: nil) }
    }
  }

  @Test func rotary() {
    for pairing in [RotaryEmbedding.Pairing.halves, .neighbours] {
      let embedding = RotaryEmbedding(
        headSize: 6, firstChannel: 2, pairing: pairing,
        table: Angles(rotated: 4, factor: 1.5).table(positions: 5))
      check([(6, 12)]) { $0.rotary($1[0], embedding, tokens: 3, offset: 2) }
    }
  }

  @Test(arguments: [AttentionShape.VisibleKeys.all, .window(2), .chunk(3)])
  func attention(visible: AttentionShape.VisibleKeys) {
    var shape = AttentionShape(
      headCount: 4, keyValueHeadCount: 2, headSize: 3, valueSize: 2, scale: 0.7, visible: visible)
    shape.cap = 1.5
    shape.slopes = [0.1, 0.2, 0.3, 0.4]
    shape.hasSinks = true
    check([(8, 12), (8, 6), (8, 4), (4, 1)]) { tape, leaves in
      tape.attention(
        leaves[0], leaves[1], leaves[2], shape: shape, sinks: leaves[3], tokens: 4)
    }
  }

  @Test func convolution() {
    let convolution = CausalConvolution(taps: 3, hasSiLU: true)
    check([(8, 2), (6, 1), (2, 1)]) {
      $0.convolution($1[0], convolution, weight: $1[1], bias: $1[2], tokens: 4)
    }
  }

  @Test func deltaRule() {
    let scan = Scan(
      keyHeadCount: 2, valueHeadCount: 4, keySize: 3, valueSize: 2, rule: .delta(epsilon: 0.1))
    check([(8, 6), (8, 6), (8, 8), (8, 4), (8, 4), (4, 1), (4, 1)]) { tape, leaves in
      var states: [Matrix] = []
      return tape.scan(
        Array(leaves[..<5]), Array(leaves[5...]), scan, tokens: 4, states: &states)
    }
  }

  @Test func deltaRuleByChannel() {
    var scan = Scan(
      keyHeadCount: 1, valueHeadCount: 2, keySize: 3, valueSize: 2, rule: .delta(epsilon: 0.1))
    scan.decaysByChannel = true
    check([(8, 3), (8, 3), (8, 4), (8, 6), (8, 2), (2, 1), (6, 1)]) { tape, leaves in
      var states: [Matrix] = []
      return tape.scan(
        Array(leaves[..<5]), Array(leaves[5...]), scan, tokens: 4, states: &states)
    }
  }

  @Test func stateSpace() {
    let scan = Scan(
      keyHeadCount: 1, valueHeadCount: 2, keySize: 3, valueSize: 2,
      rule: .stateSpace(least: 0.4, greatest: 1.1))
    check([(8, 3), (8, 3), (8, 4), (8, 2), (2, 1), (2, 1), (2, 1)]) { tape, leaves in
      var states: [Matrix] = []
      return tape.scan(
        Array(leaves[..<4]), Array(leaves[4...]), scan, tokens: 4, states: &states)
    }
  }

  @Test(arguments: GateTests.functions) func functions(function: ElementFunction) {
    check([(3, 4), (3, 4)]) { $0.gate(function, $1[0], $1[1]) }
  }

  @Test func gateAdditionAndColumns() {
    check([(3, 8), (3, 4)]) { tape, leaves in
      let part = tape.columns(2..<6, of: leaves[0])
      return tape.add(
        tape.add(
          tape.gate(.silu, tape.columns(0..<4, of: leaves[0]), tape.columns(4..<8, of: leaves[0])),
          part), tape.add(part, leaves[1]))
    }
  }
}
