import Foundation
package import Recordings

extension Tape {
  /// Rotates channels of each head by the angles of the row's position, `row % tokens + offset`.
  ///
  /// - Parameter angle: Those of a pair at a position; nil: the table's.
  package func rotary(
    _ x: Node, _ embedding: RotaryEmbedding, tokens: Int, offset: Int,
    angle: ((_ position: Int, _ k: Int) -> (cosine: Double, sine: Double))? = nil
  ) -> Node {
    let half = embedding.table.rotated / 2
    let angle =
      angle ?? { position, k in
        let angle = embedding.table.angle(position: position, pair: k)
        return (Double(angle.cosine), Double(angle.sine))
      }
    func channels(_ k: Int) -> (Int, Int) {
      switch embedding.pairing {
      case .halves: (embedding.firstChannel + k, embedding.firstChannel + k + half)
      case .neighbours: (embedding.firstChannel + 2 * k, embedding.firstChannel + 2 * k + 1)
      }
    }
    func rotated(_ x: Matrix, sign: Double) -> Matrix {
      var y = x
      for row in 0..<x.rows {
        for head in stride(from: 0, to: x.columns, by: embedding.headSize) {
          for k in 0..<half {
            let angle = angle(row % tokens + offset, k)
            let (c, s) = (angle.cosine, sign * angle.sine)
            let (first, second) = channels(k)
            let (a, b) = (x[row, head + first], x[row, head + second])
            y[row, head + first] = a * c - b * s
            y[row, head + second] = b * c + a * s
          }
        }
      }
      return y
    }
    return record(rotated(x.value, sign: 1)) { x.gradient += rotated($0, sign: -1) }
  }

  /// Attention as ``ProgramRecorder/attention(query:key:value:shape:sinks:choice:)`` describes it. Keys and values may be
  /// those of `before` more tokens, which came before.
  ///
  /// - Parameter chosen: For each row the keys that it sees, by their positions in the sequence; nil: all.
  package func attention(
    _ q: Node, _ k: Node, _ v: Node, shape: AttentionShape, sinks: Node? = nil, tokens: Int,
    before: Int = 0, chosen: [[Int]]? = nil
  ) -> Node {
    let (d, valueSize, scale) = (shape.headSize, shape.valueSize, Double(shape.scale))
    let group = shape.headsOfGroup
    var y = Matrix(rows: q.value.rows, columns: shape.headCount * valueSize)
    // For each query and head: the weights of its keys and the slopes of their scores; and the sink's weight.
    var saved: [(weights: [Double], slopes: [Double], sink: Double)] = []

    func forEachQuery(_ body: (_ row: Int, _ head: Int, _ keys: [Int]) -> Void) {
      for row in 0..<q.value.rows {
        let first = row / tokens * (tokens + before)
        let query = before + row % tokens
        let visible = chosen?[row] ?? Array(shape.visible.first(query: query)...query)
        let keys = visible.map { first + $0 }
        for head in 0..<shape.headCount { body(row, head, keys) }
      }
    }
    func dot(
      _ a: Matrix, _ row: Int, _ head: Int, _ b: Matrix, _ key: Int, _ keyHead: Int, _ size: Int
    ) -> Double {
      var sum = 0.0
      for c in 0..<size { sum += a[row, head * size + c] * b[key, keyHead * size + c] }
      return sum
    }

    forEachQuery { row, head, keys in
      var (scores, slopes): ([Double], [Double]) = ([], [])
      for key in keys {
        let plain = scale * dot(q.value, row, head, k.value, key, head / group, d)
        let bend = shape.cap.map { tanh(plain / Double($0)) }
        let slope = shape.slopes.isEmpty ? 0 : Double(shape.slopes[head])
        scores.append(
          (bend.map { $0 * Double(shape.cap!) } ?? plain) + slope
            * Double(key - (row / tokens * (tokens + before) + before + row % tokens)))
        slopes.append(scale * (bend.map { 1 - $0 * $0 } ?? 1))
      }
      let sink = sinks?.value.elements[head]
      let maximum = max(scores.max() ?? 0, sink ?? -.infinity)
      let powers = scores.map { exp($0 - maximum) }
      let sinkPower = sink.map { exp($0 - maximum) } ?? 0
      let sum = powers.reduce(sinkPower, +)
      let p = powers.map { $0 / sum }
      for (weight, key) in zip(p, keys) {
        for c in 0..<valueSize {
          y[row, head * valueSize + c] += weight * v.value[key, head / group * valueSize + c]
        }
      }
      saved.append((p, slopes, sinkPower / sum))
    }
    return record(y) { dy in
      var index = 0
      forEachQuery { row, head, keys in
        let (p, slopes, sink) = saved[index]
        let keyHead = head / group
        index += 1
        let dp = keys.map { dot(dy, row, head, v.value, $0, keyHead, valueSize) }
        let mean = zip(p, dp).reduce(0) { $0 + $1.0 * $1.1 }
        sinks?.gradient.elements[head] -= sink * mean
        for (position, key) in keys.enumerated() {
          for c in 0..<valueSize {
            v.gradient[key, keyHead * valueSize + c] +=
              p[position] * dy[row, head * valueSize + c]
          }
          let ds = slopes[position] * p[position] * (dp[position] - mean)
          for c in 0..<d {
            let (query, other) = (head * d + c, keyHead * d + c)
            q.gradient[row, query] += ds * k.value[key, other]
            k.gradient[key, other] += ds * q.value[row, query]
          }
        }
      }
    }
  }
}
