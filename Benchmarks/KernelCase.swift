import CKernels
import Foundation
import Tensors

/// One kernel on arrays larger than the caches, in bytes per second.
struct KernelCase {
  var name: String
  /// Bytes that it must read and write at least, once each.
  var byteCount: Int
  /// The kernel on rows `begin ..< end` of ``rows``.
  var run: (_ begin: Int, _ end: Int) -> Void

  /// Tokens of a batch, and the columns of the Qwen3-0.6B block: hidden size and gate with up projection.
  static let rows = 4096
  private static let hidden = 1024
  private static let gate = 3072

  /// Every kernel that passes over activations or weights while a block is tuned, in bf16.
  static func all(_ memory: KernelMemory) -> [KernelCase] {
    activations(memory) + weights(memory) + int8Gradients(memory)
  }

  private static func activations(_ m: KernelMemory) -> [KernelCase] {
    let state = rows * hidden * 2
    var rotary = ck_rotary()
    rotary.heads = hidden / 128
    rotary.head_size = 128
    rotary.rotated = 128
    rotary.tokens = 512
    rotary.cosines = UnsafePointer(m.floats)
    rotary.sines = UnsafePointer(m.floats)
    rotary.weight = UnsafePointer(m.floats)
    rotary.epsilon = 1e-6
    return [
      KernelCase(name: "add", byteCount: 3 * state) {
        ck_add(CK_BF16, m.a, m.b, m.c, $0 * hidden, $1 * hidden)
      },
      KernelCase(name: "squared error with gradient", byteCount: 3 * state) {
        _ = ck_squared_error(CK_BF16, m.a, m.b, m.c, 1, $0 * hidden, $1 * hidden)
      },
      KernelCase(name: "rms norm", byteCount: 2 * state) {
        ck_rms_norm(CK_BF16, m.a, m.floats, m.c, m.rowFloats, hidden, 1e-6, $0, $1)
      },
      KernelCase(name: "rms norm backward", byteCount: 3 * state) {
        ck_rms_norm_backward(
          CK_BF16, m.b, m.a, m.floats, m.rowFloats, m.c, hidden, false, $0, $1)
      },
      KernelCase(name: "head norm and rotary", byteCount: 2 * state) { begin, end in
        withUnsafePointer(to: rotary) {
          ck_rotary_forward(CK_BF16, $0, m.a, hidden, m.c, hidden, m.headFloats, begin, end)
        }
      },
      KernelCase(name: "head norm and rotary backward", byteCount: 3 * state) { begin, end in
        withUnsafePointer(to: rotary) {
          ck_rotary_backward(
            CK_BF16, $0, m.b, hidden, m.a, hidden, m.headFloats, m.c, hidden, nil, begin, end)
        }
      },
      KernelCase(name: "silu gate", byteCount: 3 * rows * gate * 2) {
        ck_silu_gate(CK_BF16, m.a, m.c, gate, $0, $1)
      },
      KernelCase(name: "silu gate backward", byteCount: 5 * rows * gate * 2) {
        ck_silu_gate_backward(CK_BF16, m.b, m.a, m.c, gate, $0, $1)
      },
    ]
  }

  /// A weight `[rows, hidden]` of 4 bits in groups of 128.
  private static func weights(_ m: KernelMemory) -> [KernelCase] {
    let elements = rows * hidden
    let layer = ck_int_layer(
      weight: UnsafeRawPointer(m.a), columns: hidden, group_size: 128, groups: hidden / 128,
      parameter_stride: hidden / 128, weight_type: CK_BF16, bits: 4, symmetric: 1,
      scale_type: CK_SCALE_BF16, value: m.offsets, alpha: m.ones, beta: m.ones,
      wmin: UnsafePointer(m.minusOnes), wmax: UnsafePointer(m.ones), initial: nil, scale: m.scales,
      zero: m.zeros)
    withUnsafePointer(to: layer) { ck_int_scales($0, 0, rows * hidden / 128) }
    return [
      KernelCase(name: "fake quantization, 4 bits", byteCount: elements * (2 + 4 + 2)) {
        begin, end in
        withUnsafePointer(to: layer) {
          ck_int_quantize($0, m.c, CK_BF16, hidden, begin, end)
        }
      },
      KernelCase(name: "update of V and ranges", byteCount: elements * (4 + 2 + 4 + 4)) {
        begin, end in
        withUnsafePointer(to: layer) {
          ck_int_update($0, m.gradient, 0.001, m.sums, m.sums, m.sums, begin, end)
        }
      },
    ]
  }

  private static func int8Gradients(_ m: KernelMemory) -> [KernelCase] {
    let columns = 2 * gate
    return [
      KernelCase(name: "column magnitudes", byteCount: rows * columns * 2) { begin, end in
        withUnsafeTemporaryAllocation(of: Float.self, capacity: columns) { greatest in
          greatest.update(repeating: 0)
          ck_column_magnitudes(
            CK_BF16, m.a, columns, nil, greatest.baseAddress, columns, begin, end)
        }
      },
      KernelCase(name: "rounding to 8 bits", byteCount: rows * columns * 3) {
        ck_quantize_columns(
          CK_BF16, m.a, columns, nil, m.floats, 1, m.c.assumingMemoryBound(to: Int8.self), columns,
          $0, $1)
      },
      KernelCase(name: "scaling of 32-bit sums", byteCount: rows * hidden * 6) {
        ck_scale_sums(
          CK_BF16, m.gradient.withMemoryRebound(to: Int32.self, capacity: 1) { $0 }, m.floats, m.c,
          hidden, false, hidden, $0, $1)
      },
    ]
  }

  /// The rate, and its share of that of memory.
  func line(memoryRate: Double) -> String {
    let seconds = medianSeconds(repetitions: 7) { ThreadTeam.forRanges(of: Self.rows, run) }
    let rate = Double(byteCount) / seconds
    return "  " + name.padding(toLength: 32, withPad: " ", startingAt: 0)
      + String(format: "%6.1f GB/s  %4.0f %%", rate / 1e9, 100 * rate / memoryRate)
  }
}

/// The arrays that kernels are timed on.
final class KernelMemory {
  /// bf16 `[rows, 2 * gate]` each.
  let (a, b, c): (UnsafeMutableRawPointer, UnsafeMutableRawPointer, UnsafeMutableRawPointer)
  /// f32 `[rows, hidden]`.
  let (gradient, offsets): (UnsafeMutablePointer<Float>, UnsafeMutablePointer<Float>)
  /// f32, long enough for a number for each head of each row, or each group of a weight.
  let (floats, rowFloats, headFloats, sums):
    (
      UnsafeMutablePointer<Float>, UnsafeMutablePointer<Float>, UnsafeMutablePointer<Float>,
      UnsafeMutablePointer<Float>
    )
  let (ones, minusOnes, zeros, scales):
    (
      UnsafeMutablePointer<Float>, UnsafeMutablePointer<Float>, UnsafeMutablePointer<Float>,
      UnsafeMutablePointer<Float>
    )

  init() {
    let wide = KernelCase.rows * 6144
    func halves() -> UnsafeMutableRawPointer {
      let pointer = UnsafeMutableRawPointer.allocate(byteCount: 2 * wide, alignment: 64)
      // 0x3F80 is one; the low bits make neighbours differ.
      let elements = pointer.bindMemory(to: UInt16.self, capacity: wide)
      for index in 0..<wide { elements[index] = 0x3F80 &- UInt16(truncatingIfNeeded: index & 0xFF) }
      return pointer
    }
    func numbers(_ value: Float, _ count: Int = KernelCase.rows * 128) -> UnsafeMutablePointer<
      Float
    > {
      let pointer = UnsafeMutablePointer<Float>.allocate(capacity: count)
      pointer.initialize(repeating: value, count: count)
      return pointer
    }
    (a, b, c) = (halves(), halves(), halves())
    (gradient, offsets) = (
      numbers(0.5, KernelCase.rows * 1024), numbers(0.1, KernelCase.rows * 1024)
    )
    (floats, rowFloats, headFloats, sums) = (numbers(1), numbers(1), numbers(1), numbers(0))
    (ones, minusOnes, zeros, scales) = (numbers(1), numbers(-1), numbers(0), numbers(0))
  }

  deinit {
    for pointer in [a, b, c] { pointer.deallocate() }
    for pointer in [
      gradient, offsets, floats, rowFloats, headFloats, sums, ones, minusOnes, zeros, scales,
    ] { pointer.deallocate() }
  }
}
