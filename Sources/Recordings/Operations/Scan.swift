package import Scans

/// A scan over the tokens of a sequence: for each head of values a state S `[keySize, valueSize]` that decays from token
/// to token and that keys and values are added to.
///
///     s = clamp(softplus(a + bias)),   S = e^(-e^decay s) S,   S = S + k e^T,   y = S^T q
package struct Scan: Hashable, Sendable {
  package var keyHeadCount: Int
  /// Head `h` reads key head `h / headsOfGroup`.
  package var valueHeadCount: Int
  /// Channels of a head of queries and keys.
  package var keySize: Int
  /// Channels of a head of values.
  package var valueSize: Int
  package var rule: Rule
  /// Whether each channel of the keys decays on its own, row by row of S: then a and its bias have a number for each.
  package var decaysByChannel = false

  /// What a token adds to the state.
  package enum Rule: Hashable, Sendable {
    /// The gated delta rule: `e = sigmoid(b) (v - S^T k)`. Queries and keys are made as long as 1, with `epsilon` below
    /// the root, and queries then divided by the root of their channels. Nothing bounds s.
    case delta(epsilon: Float)
    /// Mamba 2: `e = s v`, and `skip v` is added to y; s lies between both bounds.
    case stateSpace(least: Float, greatest: Float)
  }

  package init(
    keyHeadCount: Int, valueHeadCount: Int, keySize: Int, valueSize: Int, rule: Rule
  ) {
    self.keyHeadCount = keyHeadCount
    self.valueHeadCount = valueHeadCount
    self.keySize = keySize
    self.valueSize = valueSize
    self.rule = rule
  }

  /// Heads of values that share queries and keys.
  package var headsOfGroup: Int { valueHeadCount / keyHeadCount }

  /// Whether values are corrected by what the state answers to their keys.
  package var corrects: Bool { if case .delta = rule { true } else { false } }

  /// Those of one head.
  package var sizes: ScanSizes {
    ScanSizes(
      keySize: keySize, valueSize: valueSize, corrects: corrects, decaysByChannel: decaysByChannel)
  }

  /// Numbers a of a token.
  package var stepCount: Int { valueHeadCount * sizes.exponentCount }
}

/// What a scan reads of each token; columns are heads.
package struct ScanInputs {
  package var query, key, value: Operand
  /// a, a number for each head of values, or for each channel of its keys.
  package var step: Operand
  /// b, a number for each head of values; nil without the delta rule.
  package var rate: Operand?

  package init(query: Operand, key: Operand, value: Operand, step: Operand, rate: Operand? = nil) {
    (self.query, self.key, self.value) = (query, key, value)
    (self.step, self.rate) = (step, rate)
  }
}

/// A number for each head of values; of the biases one for each a.
package struct ScanWeights {
  package var decay, bias: Parameter
  /// Nil with the delta rule.
  package var skip: Parameter?

  package init(decay: Parameter, bias: Parameter, skip: Parameter? = nil) {
    (self.decay, self.bias, self.skip) = (decay, bias, skip)
  }
}

extension ProgramRecorder {
  /// Records a scan. The states of its heads are a state of the sequence.
  package mutating func scan(_ x: ScanInputs, _ weights: ScanWeights, _ scan: Scan) -> Value {
    precondition(scan.valueHeadCount % scan.keyHeadCount == 0)
    precondition(x.query.columns == scan.keyHeadCount * scan.keySize)
    precondition(x.key.columns == x.query.columns)
    precondition(x.value.columns == scan.valueHeadCount * scan.valueSize)
    precondition((x.rate == nil) == (weights.skip != nil))
    precondition((x.rate != nil) == scan.corrects)
    precondition(x.step.columns == scan.stepCount)
    precondition(x.rate.map { $0.columns == scan.valueHeadCount } ?? true)
    precondition(!scan.decaysByChannel || x.rate != nil)
    let inputs = [x.query, x.key, x.value, x.step] + (x.rate.map { [$0] } ?? [])
    let y = value(columns: x.value.columns)
    // The states before all chunks of a sequence, as so many numbers for each token of it.
    let chunks = (tokens - 1) / ScanSizes.tokensOfChunk + 1
    let kept = chunks * scan.valueHeadCount * scan.sizes.stateCount
    let states = value(columns: (kept - 1) / tokens + 1, type: .float32)
    let state = state(
      .matrices(count: scan.valueHeadCount, rows: scan.keySize, columns: scan.valueSize))
    return append(
      Node(
        operation: .scan(scan), inputs: inputs, outputs: [y, states],
        saved: Set(inputs.map(\.value)).sorted { $0.index < $1.index } + [states],
        parameters: [weights.decay, weights.bias] + (weights.skip.map { [$0] } ?? []),
        state: state))
  }
}
