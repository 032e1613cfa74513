import CKernels
import Tensors

extension Kernel {
  static func activations(_ m: KernelMemory) -> [Kernel] {
    let state = rows * hidden * 2
    let (weight, rowNumbers, headNumbers) = (m.numbers(1), m.numbers(1), m.numbers(1))
    var rotary = ck_rotary()
    rotary.heads = hidden / 128
    rotary.head_size = 128
    rotary.rotated = 128
    rotary.tokens = 512
    rotary.cosines = UnsafePointer(weight)
    rotary.sines = UnsafePointer(weight)
    rotary.weight = UnsafePointer(weight)
    rotary.epsilon = 1e-6
    let norm = ck_norm(
      groups: 1, size: hidden, weight: UnsafePointer(weight), bias: nil, weight_step: 0,
      is_centered: false, epsilon: 1e-6)
    let silu = ck_function(kind: CK_SILU, a: 0, b: 0)
    return [
      Kernel(name: "add", byteCount: 3 * state) {
        ck_add(CK_BF16, m.a, m.b, m.c, $0 * hidden, $1 * hidden)
      },
      Kernel(name: "squared error with gradient", byteCount: 3 * state) {
        _ = ck_squared_error(CK_BF16, m.a, m.b, m.c, 1, $0 * hidden, $1 * hidden)
      },
      Kernel(name: "rms norm", byteCount: 2 * state) { begin, end in
        withUnsafePointer(to: norm) {
          ck_norm_forward(CK_BF16, $0, m.a, hidden, m.c, hidden, rowNumbers, begin, end)
        }
      },
      Kernel(name: "rms norm backward", byteCount: 3 * state) { begin, end in
        withUnsafePointer(to: norm) {
          ck_norm_backward(
            CK_BF16, $0, m.b, hidden, m.a, hidden, rowNumbers, m.c, hidden, false, begin, end)
        }
      },
      Kernel(name: "head norm and rotary", byteCount: 2 * state) { begin, end in
        withUnsafePointer(to: rotary) {
          ck_rotary_forward(CK_BF16, $0, m.a, hidden, m.c, hidden, headNumbers, begin, end)
        }
      },
      Kernel(name: "head norm and rotary backward", byteCount: 3 * state) { begin, end in
        withUnsafePointer(to: rotary) {
          ck_rotary_backward(
            CK_BF16, $0, m.b, hidden, m.a, hidden, headNumbers, m.c, hidden, false, nil, begin, end)
        }
      },
      Kernel(name: "silu gate", byteCount: 3 * rows * gate * 2) {
        ck_gate(CK_BF16, silu, m.a, 2 * gate, m.a + 2 * gate, 2 * gate, m.c, gate, gate, $0, $1)
      },
      Kernel(name: "silu gate backward", byteCount: 5 * rows * gate * 2) {
        ck_gate_backward(
          CK_BF16, silu, m.b, gate, m.a, 2 * gate, m.a + 2 * gate, 2 * gate,
          ck_gradient(to: m.c, stride: 2 * gate, accumulate: false),
          ck_gradient(to: m.c + 2 * gate, stride: 2 * gate, accumulate: false), gate, $0, $1)
      },
      Kernel(name: "differences from targets", byteCount: rows * hidden * (2 + 2 + 4)) {
        ck_magnitudes(CK_BF16, m.a, m.b, m.gradient, $0 * hidden, $1 * hidden)
      },
      Kernel(name: "replacing outliers", byteCount: 2 * state) {
        ck_replace_outliers(CK_BF16, m.a, m.b, 1e9, $0 * hidden, $1 * hidden)
      },
      Kernel(name: "log of summed exponentials", byteCount: rows * hidden * 4) { begin, end in
        for row in begin..<end { _ = ck_log_sum_exp(m.offsets + row * hidden, hidden) }
      },
      Kernel(name: "squares of columns", byteCount: state) { begin, end in
        // Shared out over columns, as where it is used.
        ck_add_column_squares(
          CK_BF16, m.a, hidden, rows, rowNumbers, begin * hidden / rows, end * hidden / rows)
      },
    ]
  }

  /// Rows of one query each, which see 256 keys.
  static func attention(_ m: KernelMemory) -> [Kernel] {
    let (keys, headSize) = (256, 128)
    let (maxima, sums, outputs, numbers) = (
      m.numbers(0), m.numbers(1), m.numbers(0), m.numbers(0)
    )
    let (scores, dScores) = (
      m.gradient, m.offsets
    )
    func piece(_ begin: Int, _ end: Int) -> ck_piece {
      ck_piece(
        queries: end - begin, heads: 1, columns: keys, first_query: keys, first_key: 0, window: 0,
        chunk: 0, scale: 0.1, cap: 0, slopes: nil)
    }
    return [
      Kernel(name: "softmax", byteCount: rows * keys * (4 + 2)) { begin, end in
        var piece = piece(begin, end)
        ck_softmax(
          CK_BF16, &piece, scores + begin * keys, m.a + begin * keys * 2, maxima + begin,
          sums + begin, outputs + begin * headSize, headSize)
      },
      Kernel(name: "softmax backward", byteCount: rows * keys * (4 + 4 + 2 + 2)) { begin, end in
        var piece = piece(begin, end)
        ck_softmax_backward(
          CK_BF16, &piece, scores + begin * keys, dScores + begin * keys, numbers + begin,
          numbers + begin, m.b + begin * keys * 2, m.c + begin * keys * 2)
      },
    ]
  }
}
