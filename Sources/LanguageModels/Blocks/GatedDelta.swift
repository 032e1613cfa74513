package import Compute

/// Linear attention by the gated delta rule: a scan in the place of attention's softmax, with a convolution before it, and
/// a norm of each head and a gate after it.
package struct GatedDelta: Hashable, Sendable {
  /// The layers whose outputs, side by side, hold queries, keys, values, gates, b and a.
  package var projections: [LayerSlot]
  package var arrangement = Arrangement.parts
  /// That of queries, keys and values.
  package var convolution: ConvolutionSlot
  package var scan: Scan
  /// A number for each head of values: the logarithm of the decay, and what is added to a.
  package var decay: StoredMatrix
  package var bias: StoredMatrix
  /// The norm of each head of results.
  package var norm: NormSlot
  package var gate: ElementFunction
  package var output: LayerSlot

  /// How what the projections give is ordered.
  package enum Arrangement: Hashable, Sendable {
    /// All queries, all keys, all values, all gates, then b and a of all heads.
    case parts
    /// For each head of keys its query, its key, its values and their gates; then for each its heads' b and a.
    case groups
  }

  private var keys: Int { scan.keyHeadCount * scan.keySize }
  private var values: Int { scan.valueHeadCount * scan.valueSize }

  func record(_ x: Value, in recorder: inout BlockRecorder) -> Value {
    let projected = arranged(recorder.linear(projections, x), in: &recorder)
    func part(_ value: Value, _ first: Int, _ columns: Int) -> Operand {
      recorder.operations.operand(value, columns: first..<first + columns)
    }
    let mixed = recorder.convolution(convolution, part(projected, 0, 2 * keys + values))
    let gates = 2 * keys + values
    let (rates, steps) = (gates + values, gates + values + scan.valueHeadCount)
    let inputs = ScanInputs(
      query: part(mixed, 0, keys), key: part(mixed, keys, keys),
      value: part(mixed, 2 * keys, values),
      step: part(projected, steps, scan.valueHeadCount),
      rate: part(projected, rates, scan.valueHeadCount))
    let weights = ScanWeights(
      decay: recorder.vector(decay, count: scan.valueHeadCount),
      bias: recorder.vector(bias, count: scan.valueHeadCount))
    let answers = recorder.operations.scan(inputs, weights, scan)
    let normed = recorder.norm(norm, answers)
    let gated = recorder.operations.gate(
      gate, part(projected, gates, values), recorder.operations.operand(normed))
    return recorder.linear([output], gated)
  }

  private func arranged(_ projected: Value, in recorder: inout BlockRecorder) -> Value {
    guard arrangement == .groups else { return projected }
    let ofGroup = scan.headsOfGroup
    let (d, v) = (scan.keySize, ofGroup * scan.valueSize)
    func parts(_ first: Int, _ offset: Int, _ columns: Int, every size: Int) -> [Operand] {
      (0..<scan.keyHeadCount).map {
        let start = first + $0 * size + offset
        return recorder.operations.operand(projected, columns: start..<start + columns)
      }
    }
    let (size, small) = (2 * d + 2 * v, scan.keyHeadCount * (2 * d + 2 * v))
    let wide = [(0, d), (d, d), (2 * d, v), (2 * d + v, v)].flatMap {
      parts(0, $0.0, $0.1, every: size)
    }
    let narrow = [0, ofGroup].flatMap { parts(small, $0, ofGroup, every: 2 * ofGroup) }
    return recorder.operations.juxtaposed(wide + narrow)
  }
}
