package import Recordings

extension Tape {
  /// The causal convolution as ``ProgramRecorder/convolution(_:_:weight:bias:)`` describes it.
  ///
  /// - Parameter history: The rows before the first token of the one sequence; nil: zeros.
  package func convolution(
    _ x: Node, _ convolution: CausalConvolution, weight: Node, bias: Node?, tokens: Int,
    history: Matrix? = nil
  ) -> Node {
    let (taps, columns) = (convolution.taps, x.value.columns)
    /// For each row, column and tap the row that it reads; rows of the history count from -1 backwards.
    func forEach(_ body: (_ row: Int, _ column: Int, _ tap: Int, _ from: Int) -> Void) {
      for row in 0..<x.value.rows {
        for column in 0..<columns {
          for tap in 0..<taps {
            let token = row % tokens - taps + 1 + tap
            if token >= 0 {
              body(row, column, tap, row - taps + 1 + tap)
            } else if history != nil {
              body(row, column, tap, token)
            }
          }
        }
      }
    }
    func number(_ row: Int, _ column: Int) -> Double {
      row >= 0 ? x.value[row, column] : history?[row + taps - 1, column] ?? 0
    }
    var sums = Matrix(rows: x.value.rows, columns: columns)
    for row in 0..<sums.rows {
      for column in 0..<columns { sums[row, column] = bias?.value.elements[column] ?? 0 }
    }
    forEach { row, column, tap, from in
      sums[row, column] += weight.value.elements[column * taps + tap] * number(from, column)
    }
    let activation: ElementFunction = convolution.hasSiLU ? .silu : .scaled(1)
    var y = sums
    y.elements = sums.elements.map(activation.value)
    return record(y) { dy in
      var da = dy
      for index in da.elements.indices {
        da.elements[index] *= activation.slope(sums.elements[index])
        bias?.gradient.elements[index % columns] += da.elements[index]
      }
      forEach { row, column, tap, from in
        weight.gradient.elements[column * taps + tap] += da[row, column] * number(from, column)
        guard from >= 0 else { return }
        x.gradient[from, column] += da[row, column] * weight.value.elements[column * taps + tap]
      }
    }
  }
}
