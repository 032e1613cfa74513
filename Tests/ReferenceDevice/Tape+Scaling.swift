extension Tape {
  /// Columns times their factors, or times one for all.
  package func scaling(_ x: Node, weight: Node) -> Node {
    let isOne = weight.value.elements.count == 1
    var y = x.value
    for row in 0..<y.rows {
      for column in 0..<y.columns { y[row, column] *= weight.value.elements[isOne ? 0 : column] }
    }
    return record(y) { dy in
      for row in 0..<dy.rows {
        for column in 0..<dy.columns {
          let place = isOne ? 0 : column
          x.gradient[row, column] += dy[row, column] * weight.value.elements[place]
          weight.gradient.elements[place] += dy[row, column] * x.value[row, column]
        }
      }
    }
  }
}
