import CKernels
package import Recordings

extension Tape {
  /// Activations rounded by the kernels themselves, row by row: these have oracles of their own
  /// (ActivationOracleTests); what a program makes of them is compared with this.
  package func quantized(
    _ x: Node, _ quantization: ActivationQuantization, scale: Node?, compute: ComputeType
  ) -> Node {
    let (rows, columns) = (x.value.rows, x.value.columns)
    var rule = ck_activation_rule()
    rule.is_float = 1
    rule.type = CK_F32
    rule.columns = columns
    rule.group_size = min(quantization.groupSize ?? columns, columns)
    rule.given = Float(scale?.value.elements[0] ?? 0)
    switch quantization.number {
    case .int(let bitCount, let isSymmetric):
      (rule.is_float, rule.bits, rule.symmetric) = (0, Int32(bitCount), isSymmetric ? 1 : 0)
    case .fp8: rule.format = CK_FP8
    case .mxfp8: rule.format = CK_MXFP8
    case .mxfp4: rule.format = CK_MXFP4
    case .nvfp4: rule.format = CK_NVFP4
    }
    let numbers = x.value.elements.map { Float($0) }
    var y = numbers
    ck_activation_quantize(&rule, numbers, columns, &y, 0, rows)
    return record(Matrix(rows: rows, columns: columns, compute.rounded(y))) { gradient in
      var dx = [Float](repeating: 0, count: numbers.count)
      var dscale = [Float](repeating: 0, count: rows)
      ck_activation_backward(
        &rule, numbers, columns, gradient.elements.map { Float($0) }, &dx, 0, &dscale, 0, rows)
      x.gradient += Matrix(rows: rows, columns: columns, dx)
      scale?.gradient[0, 0] += dscale.reduce(0) { $0 + Double($1) }
    }
  }

  /// `[a | b | ...]`.
  package func juxtaposed(_ parts: [Node]) -> Node {
    let rows = parts[0].value.rows
    var result = Matrix(rows: rows, columns: parts.reduce(0) { $0 + $1.value.columns })
    func forEach(_ body: (Node, _ row: Int, _ from: Int, _ to: Int) -> Void) {
      var first = 0
      for part in parts {
        for row in 0..<rows {
          for column in 0..<part.value.columns { body(part, row, column, first + column) }
        }
        first += part.value.columns
      }
    }
    forEach { result[$1, $3] = $0.value[$1, $2] }
    return record(result) { gradient in forEach { $0.gradient[$1, $2] += gradient[$1, $3] } }
  }
}
