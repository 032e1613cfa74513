package import Recordings

/// Linear attention by the gated delta rule: a scan in the place of attention's softmax, with a convolution before it, and
/// a norm of each head and a gate after it.
package struct GatedDelta: Hashable, Sendable {
  /// The layers whose outputs, side by side, hold queries, keys, values, gates, b and a.
  package var projections: [LayerSlot]
  package var arrangement = Arrangement.parts
  /// Layers that follow each other and give the gates in the projections' place; none if these give them.
  package var gateLayers: [LayerSlot] = []
  /// Those that give a.
  package var stepLayers: [LayerSlot] = []
  /// That of queries, keys and values.
  package var convolution: ConvolutionSlot
  package var scan: Scan
  /// The logarithm of the decay of each head of values, and what is added to each a.
  package var decay: StoredMatrix
  package var decayShape: [Int]
  package var bias: StoredMatrix
  /// The norm of each head of results.
  package var norm: NormSlot
  package var gate: ElementFunction
  package var output: LayerSlot

  package init(
    projections: [LayerSlot], arrangement: Arrangement = .parts, gateLayers: [LayerSlot] = [],
    stepLayers: [LayerSlot] = [], convolution: ConvolutionSlot, scan: Scan, decay: StoredMatrix,
    decayShape: [Int], bias: StoredMatrix, norm: NormSlot, gate: ElementFunction, output: LayerSlot
  ) {
    self.projections = projections
    self.arrangement = arrangement
    self.gateLayers = gateLayers
    self.stepLayers = stepLayers
    self.convolution = convolution
    self.scan = scan
    self.decay = decay
    self.decayShape = decayShape
    self.bias = bias
    self.norm = norm
    self.gate = gate
    self.output = output
  }

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
    let rates = gates + (gateLayers.isEmpty ? values : 0)
    let ownGates = chained(gateLayers, x, in: &recorder)
    let ownSteps = chained(stepLayers, x, in: &recorder)
    let inputs = ScanInputs(
      query: part(mixed, 0, keys), key: part(mixed, keys, keys),
      value: part(mixed, 2 * keys, values),
      step: ownSteps ?? part(projected, rates + scan.valueHeadCount, scan.stepCount),
      rate: part(projected, rates, scan.valueHeadCount))
    let weights = ScanWeights(
      decay: recorder.vector(decay, shape: decayShape),
      bias: recorder.vector(bias, shape: [scan.stepCount]))
    let answers = recorder.operations.scan(inputs, weights, scan)
    let normed = recorder.norm(norm, answers)
    let gated = recorder.operations.gate(
      gate, ownGates ?? part(projected, gates, values), recorder.operations.operand(normed))
    return recorder.linear([output], gated)
  }

  /// What layers that follow each other make of `x`; nil for no layers.
  private func chained(
    _ layers: [LayerSlot], _ x: Value, in recorder: inout BlockRecorder
  ) -> Operand? {
    guard !layers.isEmpty else { return nil }
    let answer = layers.reduce(x) { recorder.linear([$1], $0) }
    return recorder.operations.operand(answer)
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
