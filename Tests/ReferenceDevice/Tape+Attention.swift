package import Compute
import Foundation

extension Tape {
  /// Rotates the first `2 * half` channels of each head of `headSize` columns: channel k with channel
  /// k + half, by the angle of k at the row's position, `row % tokens + offset`.
  package func rotary(
    _ x: Node, headSize: Int, half: Int, tokens: Int, offset: Int,
    angle: @escaping (_ position: Int, _ k: Int) -> (cosine: Double, sine: Double)
  ) -> Node {
    func rotated(_ x: Matrix, sign: Double) -> Matrix {
      var y = x
      for row in 0..<x.rows {
        for head in stride(from: 0, to: x.columns, by: headSize) {
          for k in 0..<half {
            let angle = angle(row % tokens + offset, k)
            let (c, s) = (angle.cosine, sign * angle.sine)
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
  /// `window` of them. Keys and values may be those of `before` more tokens, which came before.
  package func attention(
    _ q: Node, _ k: Node, _ v: Node, shape: AttentionShape, tokens: Int, before: Int = 0
  ) -> Node {
    let (d, scale) = (shape.headSize, Double(shape.scale))
    let group = shape.headCount / shape.keyValueHeadCount
    var y = Matrix(rows: q.value.rows, columns: q.value.columns)
    var weights: [[Double]] = []

    func forEachQuery(_ body: (_ row: Int, _ head: Int, _ keys: Range<Int>) -> Void) {
      for row in 0..<q.value.rows {
        let first = row / tokens * (tokens + before)
        let end = first + before + row % tokens + 1
        let keys = max(first, end - (shape.window ?? end))..<end
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
  package func siluGate(_ x: Node) -> Node {
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
