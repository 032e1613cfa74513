extension Program {
  /// Adds the squares of the inputs of a linear layer, or of the layers of experts.
  func addSquares(_ step: Step) {
    switch step.node.operation {
    case .linear: addSquares(step, 0..<sampleCount * tokens, ofGroup: 0, of: 1)
    case .groupedLinear:
      let plan = step.node.reads[0]
      let rows = recording.rows(of: step.inputs[0].value)
      let experts = RoutingPlan(self[range: plan], count: rows).experts
      let count =
        recording.parameters[step.parameters[0].index].rows / step.columns(of: step.result)
      // Also where no token has come by, there are sums.
      addSquares(step, 0..<0, ofGroup: 0, of: count)
      for (expert, rows) in RoutingPlan.segments(of: experts) {
        addSquares(step, rows, ofGroup: expert, of: count)
      }
    default: break
    }
  }

  private func addSquares(_ step: Step, _ rows: Range<Int>, ofGroup group: Int, of count: Int) {
    let (input, parameter) = (step.inputs[0], step.parameters[0])
    let stride = step.columns(of: input.value)
    var sums = inputSquares?[parameter] ?? Array(repeating: 0, count: count * input.columns)
    var own = Array(sums[group * input.columns..<(group + 1) * input.columns])
    device.addSquares(
      of: self[range: input] + rows.lowerBound * stride * compute.byteCount, rows: rows.count,
      stride: stride, to: &own)
    sums.replaceSubrange(group * input.columns..<(group + 1) * input.columns, with: own)
    inputSquares?[parameter] = sums
  }

  /// The sums of squares of the inputs of a matrix, of those that were collected: where no token has come by, those of
  /// the other experts together.
  package func squares(
    of part: BoundPart, in collected: [Parameter: [Float]]?
  ) -> [Float]? {
    guard let all = collected?[part.parameter] else { return nil }
    let columns = part.columns
    let groups = all.count / columns
    let rows = recording.parameters[part.parameter.index].rows
    let group = part.rowOffset / (rows / groups)
    let own = Array(all[group * columns..<(group + 1) * columns])
    guard groups > 1, !own.contains(where: { $0 > 0 }) else { return own }
    return (0..<columns).map { column in
      stride(from: column, to: all.count, by: columns).reduce(0) { $0 + all[$1] }
    }
  }
}
