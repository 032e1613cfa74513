package import Recordings

/// The mixer of Mamba 2: a scan of values with one query and one key for a group of heads, with a convolution before it
/// and a gate after it.
package struct StateSpaceMixer: Hashable, Sendable {
  /// Gives gates, values, keys, queries and steps, side by side.
  package var input: LayerSlot
  /// Factors on these five; empty: 1.
  package var factors: [Float] = []
  /// That of values, keys and queries.
  package var convolution: ConvolutionSlot
  package var scan: Scan
  /// A number for each head: the logarithm of the decay, what is added to the steps, and the factor on the values that
  /// are added to the results.
  package var decay: StoredMatrix
  package var bias: StoredMatrix
  package var skip: StoredMatrix
  package var norm: Norm?
  package var output: LayerSlot

  package init(
    input: LayerSlot, factors: [Float] = [], convolution: ConvolutionSlot, scan: Scan,
    decay: StoredMatrix, bias: StoredMatrix, skip: StoredMatrix, norm: Norm? = nil,
    output: LayerSlot
  ) {
    self.input = input
    self.factors = factors
    self.convolution = convolution
    self.scan = scan
    self.decay = decay
    self.bias = bias
    self.skip = skip
    self.norm = norm
    self.output = output
  }

  /// A norm of the results.
  package struct Norm: Hashable, Sendable {
    package var slot: NormSlot
    /// Whether results are normalized before they are gated.
    package var isBeforeGate: Bool

    package init(
      slot: NormSlot, isBeforeGate: Bool
    ) {
      self.slot = slot
      self.isBeforeGate = isBeforeGate
    }
  }

  private var values: Int { scan.valueHeadCount * scan.valueSize }
  private var keys: Int { scan.keyHeadCount * scan.keySize }

  func record(_ x: Value, in recorder: inout BlockRecorder) -> Value {
    let projected = scaled(recorder.linear([input], x), in: &recorder)
    func part(_ value: Value, _ first: Int, _ columns: Int) -> Operand {
      recorder.operations.operand(value, columns: first..<first + columns)
    }
    let mixed = recorder.convolution(convolution, part(projected, values, values + 2 * keys))
    let inputs = ScanInputs(
      query: part(mixed, values + keys, keys), key: part(mixed, values, keys),
      value: part(mixed, 0, values),
      step: part(projected, 2 * (values + keys), scan.valueHeadCount))
    let weights = ScanWeights(
      decay: recorder.vector(decay, count: scan.valueHeadCount),
      bias: recorder.vector(bias, count: scan.valueHeadCount),
      skip: recorder.vector(skip, count: scan.valueHeadCount))
    var answers = recorder.operations.scan(inputs, weights, scan)
    if let norm, norm.isBeforeGate { answers = recorder.norm(norm.slot, answers) }
    answers = recorder.operations.gate(
      .silu, part(projected, 0, values), recorder.operations.operand(answers))
    if let norm, !norm.isBeforeGate { answers = recorder.norm(norm.slot, answers) }
    return recorder.linear([output], answers)
  }

  private func scaled(_ projected: Value, in recorder: inout BlockRecorder) -> Value {
    guard !factors.isEmpty else { return projected }
    var first = 0
    let parts = zip([values, values, keys, keys, scan.valueHeadCount], factors).map {
      columns, factor in
      defer { first += columns }
      return recorder.scaled(
        recorder.operations.operand(projected, columns: first..<first + columns), by: factor)
    }
    return recorder.operations.juxtaposed(parts)
  }
}
