import Compute
import Foundation

/// Angles of a rotary embedding, before they are put into a table.
struct Angles {
  var inverseFrequencies: [Double]
  var factor: Double

  /// Frequencies as language models have them: powers of `base` from 1 downwards.
  init(rotated: Int, base: Double = 100, factor: Double = 1) {
    inverseFrequencies = (0..<rotated / 2).map { pow(base, -2 * Double($0) / Double(rotated)) }
    self.factor = factor
  }

  func table(positions: Int) -> RotaryTable {
    RotaryTable(inverseFrequencies: inverseFrequencies, factor: factor, positions: positions)
  }
}

extension Tape {
  /// Rotates the first channels of each head of `headSize` columns: channel k with channel k + half, by the
  /// angle of k at the row's position, `row % tokens + offset`.
  func rotary(_ x: Node, headSize: Int, angles: Angles, tokens: Int, offset: Int = 0) -> Node {
    let half = angles.inverseFrequencies.count
    func rotated(_ x: Matrix, sign: Double) -> Matrix {
      var y = x
      for row in 0..<x.rows {
        for head in stride(from: 0, to: x.columns, by: headSize) {
          for k in 0..<half {
            let angle = Double(row % tokens + offset) * angles.inverseFrequencies[k]
            let (c, s) = (cos(angle) * angles.factor, sign * sin(angle) * angles.factor)
            let (a, b) = (x[row, head + k], x[row, head + k + half])
            y[row, head + k] = a * c - b * s
            y[row, head + k + half] = b * c + a * s
          }
        }
      }
      return y
    }
    return record(rotated(x.value, sign: 1)) { x.gradient += rotated($0, sign: -1) }
  }

  /// `softmax(scale q k^T) v` for each head, each query seeing the keys up to its own, at most the last
  /// `window` of them.
  func attention(_ q: Node, _ k: Node, _ v: Node, shape: AttentionShape, tokens: Int) -> Node {
    let (d, scale) = (shape.headSize, Double(shape.scale))
    let group = shape.headCount / shape.keyValueHeadCount
    var y = Matrix(rows: q.value.rows, columns: q.value.columns)
    var weights: [[Double]] = []

    func forEachQuery(_ body: (_ row: Int, _ head: Int, _ keys: Range<Int>) -> Void) {
      for row in 0..<q.value.rows {
        let first = row - row % tokens
        let keys = max(first, row + 1 - (shape.window ?? tokens))..<row + 1
        for head in 0..<shape.headCount { body(row, head, keys) }
      }
    }
    func dot(_ a: Matrix, _ row: Int, _ head: Int, _ b: Matrix, _ key: Int, _ keyHead: Int)
      -> Double
    {
      var sum = 0.0
      for c in 0..<d { sum += a[row, head * d + c] * b[key, keyHead * d + c] }
      return sum
    }

    forEachQuery { row, head, keys in
      let scores = keys.map { scale * dot(q.value, row, head, k.value, $0, head / group) }
      let maximum = scores.max() ?? 0
      let powers = scores.map { exp($0 - maximum) }
      let sum = powers.reduce(0, +)
      let p = powers.map { $0 / sum }
      for (weight, key) in zip(p, keys) {
        for c in 0..<d { y[row, head * d + c] += weight * v.value[key, head / group * d + c] }
      }
      weights.append(p)
    }
    return record(y) { dy in
      var index = 0
      forEachQuery { row, head, keys in
        let (p, keyHead) = (weights[index], head / group)
        index += 1
        let dp = keys.map { dot(dy, row, head, v.value, $0, keyHead) }
        let mean = zip(p, dp).reduce(0) { $0 + $1.0 * $1.1 }
        for (position, key) in keys.enumerated() {
          let ds = scale * p[position] * (dp[position] - mean)
          for c in 0..<d {
            let (query, other) = (head * d + c, keyHead * d + c)
            v.gradient[key, other] += p[position] * dy[row, query]
            q.gradient[row, query] += ds * k.value[key, other]
            k.gradient[key, other] += ds * q.value[row, query]
          }
        }
      }
    }
  }

  /// `silu(g) * u`: g the left half of the columns of `x`, u the right half.
  func siluGate(_ x: Node) -> Node {
    let columns = x.value.columns / 2
    var y = Matrix(rows: x.value.rows, columns: columns)
    for row in 0..<y.rows {
      for c in 0..<columns {
        let g = x.value[row, c]
        y[row, c] = g / (1 + exp(-g)) * x.value[row, c + columns]
      }
    }
    return record(y) { dy in
      for row in 0..<dy.rows {
        for c in 0..<columns {
          let (g, u, d) = (x.value[row, c], x.value[row, c + columns], dy[row, c])
          let sigmoid = 1 / (1 + exp(-g))
          x.gradient[row, c] += d * u * (sigmoid + g * sigmoid * (1 - sigmoid))
          x.gradient[row, c + columns] += d * g * sigmoid
        }
      }
    }
  }
}
