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

  /// `x / sqrt(mean(x^2) + epsilon) * w` over groups of as many columns as `w` has elements: whole rows,
  /// or the heads in them.
  package func rmsNorm(_ x: Node, weight: Node, epsilon: Double) -> Node {
    let size = weight.value.elements.count
    let groups = x.value.elements.count / size
    var y = x.value
    var inverses: [Double] = []
    for group in 0..<groups {
      let range = group * size..<(group + 1) * size
      let squares = x.value.elements[range].reduce(0) { $0 + $1 * $1 }
      let inverse = 1 / (squares / Double(size) + epsilon).squareRoot()
      inverses.append(inverse)
      for index in range {
        y.elements[index] *= inverse * weight.value.elements[index - range.lowerBound]
      }
    }
    return record(y) { dy in
      for group in 0..<groups {
        let (first, inverse) = (group * size, inverses[group])
        var sum = 0.0
        for c in 0..<size {
          let product = dy.elements[first + c] * x.value.elements[first + c]
          weight.gradient.elements[c] += product * inverse
          sum += product * weight.value.elements[c]
        }
        // d inverse / d x = -inverse^3 x / size
        for c in 0..<size {
          x.gradient.elements[first + c] +=
            inverse * weight.value.elements[c] * dy.elements[first + c]
            - inverse * inverse * inverse * sum * x.value.elements[first + c] / Double(size)
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
