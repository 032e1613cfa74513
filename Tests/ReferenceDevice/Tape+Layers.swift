extension Tape {
  /// Some columns of `x`.
  package func columns(_ range: Range<Int>, of x: Node) -> Node {
    var y = Matrix(rows: x.value.rows, columns: range.count)
    for row in 0..<y.rows {
      for column in range { y[row, column - range.lowerBound] = x.value[row, column] }
    }
    return record(y) { dy in
      for row in 0..<dy.rows {
        for column in range { x.gradient[row, column] += dy[row, column - range.lowerBound] }
      }
    }
  }

  /// `x W^T + b`.
  package func linear(_ x: Node, weight: Node, bias: Node?) -> Node {
    let (rows, inputs, outputs) = (x.value.rows, x.value.columns, weight.value.rows)
    var y = Matrix(rows: rows, columns: outputs)
    for row in 0..<rows {
      for output in 0..<outputs {
        var sum = bias?.value.elements[output] ?? 0
        for input in 0..<inputs { sum += x.value[row, input] * weight.value[output, input] }
        y[row, output] = sum
      }
    }
    return record(y) { dy in
      for row in 0..<rows {
        for output in 0..<outputs {
          let d = dy[row, output]
          bias?.gradient.elements[output] += d
          for input in 0..<inputs {
            x.gradient[row, input] += d * weight.value[output, input]
            weight.gradient[output, input] += d * x.value[row, input]
          }
        }
      }
    }
  }

  /// `a + b`.
  package func add(_ a: Node, _ b: Node) -> Node {
    var y = a.value
    y += b.value
    return record(y) { dy in
      a.gradient += dy
      b.gradient += dy
    }
  }
}
