package import Recordings

extension Program {
  /// Adds the squares of the inputs of a linear layer, or of the layers of experts.
  func addSquares(_ step: Step) {
    switch step.node.operation {
    case .linear: addSquares(step, presentRows.map { (expert: 0, rows: $0) }, groupCount: 1)
    case .groupedLinear:
      addSquares(
        step, RoutingPlan.segments(of: plan(step.node.reads[0]).experts),
        groupCount: recording.parameters[step.parameters[0].index].rows
          / step.columns(of: step.result))
    default: break
    }
  }

  /// Adds them to the sums of some of the groups of columns; also where there are no rows, there are sums afterwards.
  private func addSquares(
    _ step: Step, _ groups: [(expert: Int, rows: Range<Int>)], groupCount: Int
  ) {
    let (input, parameter) = (step.inputs[0], step.parameters[0])
    let stride = step.columns(of: input.value)
    // Taken out of the dictionary, so that they are not copied.
    var sums =
      inputSquares?.removeValue(forKey: parameter)
      ?? Array(repeating: 0, count: groupCount * input.columns)
    for (expert, rows) in groups {
      let columns = expert * input.columns..<(expert + 1) * input.columns
      var own = Array(sums[columns])
      device.addSquares(
        of: self[range: input] + rows.lowerBound * stride * compute.byteCount, rows: rows.count,
        stride: stride, to: &own)
      sums.replaceSubrange(columns, with: own)
    }
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
