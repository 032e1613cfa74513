import Foundation
package import Recordings

extension Tape {
  /// A scan as ``ProgramRecorder/scan(_:_:_:)`` describes it, token by token.
  ///
  /// - Parameters:
  ///   - inputs: Queries, keys, values, a, and b with the delta rule.
  ///   - weights: Decays, biases, and what is skipped without it.
  ///   - states: Those of all heads before the first token of the one sequence, which become those after the last;
  ///     empty: zeros.
  package func scan(
    _ inputs: [Node], _ weights: [Node], _ scan: Scan, tokens: Int, states: inout [Matrix]
  ) -> Node {
    let rows = inputs[0].value.rows
    var y = Matrix(rows: rows, columns: scan.valueHeadCount * scan.valueSize)
    var heads: [ScanHead] = []
    var ends: [Matrix] = []
    for sequence in 0..<rows / tokens {
      for head in 0..<scan.valueHeadCount {
        let state =
          states.isEmpty ? Matrix(rows: scan.keySize, columns: scan.valueSize) : states[head]
        var run = ScanHead(
          scan: scan, inputs: inputs, weights: weights, head: head, firstRow: sequence * tokens,
          state: state)
        for _ in 0..<tokens { run.advance(&y) }
        ends.append(run.state)
        heads.append(run)
      }
    }
    states = ends
    return record(y) { dy in for head in heads { head.backward(dy) } }
  }
}

/// One head of values in one sequence.
private struct ScanHead {
  let scan: Scan
  let inputs: [Tape.Node]
  let weights: [Tape.Node]
  let head: Int
  let firstRow: Int
  var state: Matrix
  private var moments: [Moment] = []

  /// What the backward pass needs of a token.
  private struct Moment {
    var decayed: Matrix
    var before: Matrix
    var after: Matrix
    var error: [Double]
    /// Of each channel, with s and its derivative.
    var factors: [Double]
    var steps: [(size: Double, slope: Double)]
  }

  init(
    scan: Scan, inputs: [Tape.Node], weights: [Tape.Node], head: Int, firstRow: Int, state: Matrix
  ) {
    (self.scan, self.inputs, self.weights, self.head) = (scan, inputs, weights, head)
    (self.firstRow, self.state) = (firstRow, state)
  }

  private var keyHead: Int { head / scan.headsOfGroup }
  private var values: Range<Int> { 0..<scan.valueSize }
  private var channels: Range<Int> { 0..<scan.keySize }

  /// A query or a key, and the root that it was divided by.
  private func vector(_ input: Int, _ row: Int) -> (numbers: [Double], root: Double) {
    let raw = channels.map { inputs[input].value[row, keyHead * scan.keySize + $0] }
    guard case .delta(let epsilon) = scan.rule else { return (raw, 1) }
    let root = (raw.reduce(0) { $0 + $1 * $1 } + Double(epsilon)).squareRoot()
    return (raw.map { $0 * factor(input) / root }, root)
  }

  private func factor(_ input: Int) -> Double {
    input == 0 ? 1 / Double(scan.keySize).squareRoot() : 1
  }

  private func value(_ row: Int) -> [Double] {
    values.map { inputs[2].value[row, head * scan.valueSize + $0] }
  }

  /// beta.
  private func rate(_ row: Int) -> Double { 1 / (1 + exp(-inputs[4].value[row, head])) }

  private var decayRate: Double { -exp(weights[0].value.elements[head]) }

  mutating func advance(_ y: inout Matrix) {
    let row = firstRow + moments.count
    let (query, key, value) = (vector(0, row).numbers, vector(1, row).numbers, value(row))
    let steps = channels.map { step(row, $0) }
    let factors = steps.map { exp(decayRate * $0.size) }
    let before = state
    for channel in channels {
      for v in values { state[channel, v] *= factors[channel] }
    }
    let decayed = state
    var error = value.map { $0 * steps[0].size }
    if case .delta = scan.rule {
      error = values.map { v in
        rate(row) * (value[v] - channels.reduce(0) { $0 + decayed[$1, v] * key[$1] })
      }
    }
    for channel in channels {
      for v in values { state[channel, v] += key[channel] * error[v] }
    }
    let skip = weights.count > 2 ? weights[2].value.elements[head] : 0
    for v in values {
      y[row, head * scan.valueSize + v] =
        channels.reduce(skip * value[v]) { $0 + state[$1, v] * query[$1] }
    }
    moments.append(
      Moment(
        decayed: decayed, before: before, after: state, error: error, factors: factors,
        steps: steps))
  }

  /// The number a of a channel, which all have in common unless each has its own.
  private func place(_ channel: Int) -> Int {
    scan.decaysByChannel ? head * scan.keySize + channel : head
  }

  /// s, and its derivative.
  private func step(_ row: Int, _ channel: Int) -> (size: Double, slope: Double) {
    let a = inputs[3].value[row, place(channel)] + weights[1].value.elements[place(channel)]
    let (size, slope) = (a > 40 ? a : log1p(exp(a)), 1 / (1 + exp(-a)))
    guard case .stateSpace(let least, let greatest) = scan.rule else { return (size, slope) }
    return (
      min(max(size, Double(least)), Double(greatest)),
      size < Double(least) || size > Double(greatest) ? 0 : slope
    )
  }

  func backward(_ dy: Matrix) {
    var dState = Matrix(rows: scan.keySize, columns: scan.valueSize)
    for (token, moment) in moments.enumerated().reversed() {
      backward(firstRow + token, moment, dy, &dState)
    }
  }

  private func backward(_ row: Int, _ moment: Moment, _ dy: Matrix, _ dState: inout Matrix) {
    let (query, key, value) = (vector(0, row), vector(1, row), value(row))
    let dOutput = values.map { dy[row, head * scan.valueSize + $0] }
    for channel in channels {
      for v in values { dState[channel, v] += query.numbers[channel] * dOutput[v] }
    }
    let dQuery = channels.map { c in
      values.reduce(0) { $0 + moment.after[c, $1] * dOutput[$1] }
    }
    let dError = values.map { v in
      channels.reduce(0) { $0 + dState[$1, v] * key.numbers[$1] }
    }
    var dKey = channels.map { c in
      values.reduce(0) { $0 + dState[c, $1] * moment.error[$1] }
    }
    // Of s, by channels; where they share one, all of it may be counted to the first.
    var dSteps = channels.map { _ in 0.0 }
    let dValue: [Double]
    switch scan.rule {
    case .delta:
      let rate = rate(row)
      dValue = dError.map { rate * $0 }
      let dRate = values.reduce(0) { $0 + dError[$1] * moment.error[$1] / rate }
      inputs[4].gradient[row, head] += dRate * rate * (1 - rate)
      for channel in channels {
        for v in values {
          dKey[channel] -= rate * moment.decayed[channel, v] * dError[v]
          dState[channel, v] -= rate * key.numbers[channel] * dError[v]
        }
      }
    case .stateSpace:
      let skip = weights[2].value.elements[head]
      dValue = values.map { moment.steps[0].size * dError[$0] + skip * dOutput[$0] }
      dSteps[0] = values.reduce(0) { $0 + dError[$1] * value[$1] }
      weights[2].gradient.elements[head] += values.reduce(0) { $0 + dOutput[$1] * value[$1] }
    }
    for channel in channels {
      let dFactor = values.reduce(0) {
        $0 + dState[channel, $1] * moment.before[channel, $1]
      }
      for v in values { dState[channel, v] *= moment.factors[channel] }
      let dExponent = dFactor * moment.factors[channel]
      let step = moment.steps[channel]
      weights[0].gradient.elements[head] += dExponent * decayRate * step.size
      let da = (dSteps[channel] + dExponent * decayRate) * step.slope
      inputs[3].gradient[row, place(channel)] += da
      weights[1].gradient.elements[place(channel)] += da
    }
    for v in values { inputs[2].gradient[row, head * scan.valueSize + v] += dValue[v] }
    add(dQuery, of: query, to: 0, row)
    add(dKey, of: key, to: 1, row)
  }

  /// Adds the gradient of what was read to an input's, from that of what was made of it.
  private func add(
    _ gradient: [Double], of vector: (numbers: [Double], root: Double), to input: Int, _ row: Int
  ) {
    var own = gradient
    if case .delta = scan.rule {
      let factor = factor(input)
      let dot = zip(vector.numbers, gradient).reduce(0) { $0 + $1.0 * $1.1 } / factor
      own = zip(gradient, vector.numbers).map {
        factor / vector.root * ($0 - $1 / factor * dot)
      }
    }
    for channel in channels {
      inputs[input].gradient[row, keyHead * scan.keySize + channel] += own[channel]
    }
  }
}
