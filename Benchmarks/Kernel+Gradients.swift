import CKernels
import Tensors

extension Kernel {
  static func int8Gradients(_ m: KernelMemory) -> [Kernel] {
    let columns = 2 * gate
    let scales = m.numbers(1)
    return [
      Kernel(name: "column magnitudes", byteCount: rows * columns * 2) { begin, end in
        withUnsafeTemporaryAllocation(of: Float.self, capacity: columns) { greatest in
          greatest.update(repeating: 0)
          ck_column_magnitudes(
            CK_BF16, m.a, columns, nil, greatest.baseAddress, columns, begin, end)
        }
      },
      Kernel(name: "rounding to 8 bits", byteCount: rows * columns * 3) {
        ck_quantize_columns(
          CK_BF16, m.a, columns, nil, scales, 1, m.c.assumingMemoryBound(to: Int8.self), columns,
          $0, $1)
      },
      Kernel(name: "scaling of 32-bit sums", byteCount: rows * hidden * 6) {
        ck_scale_sums(
          CK_BF16, m.gradient.withMemoryRebound(to: Int32.self, capacity: 1) { $0 }, scales, m.c,
          hidden, false, hidden, $0, $1)
      },
      Kernel(name: "scaling of 32-bit sums in place", byteCount: rows * hidden * 8) {
        ck_scale_sums_in_place(m.offsets, scales, scales, hidden, $0, $1)
      },
    ]
  }

  /// Between files and tensors. A row is `hidden` elements.
  static func files(_ m: KernelMemory) -> [Kernel] {
    let elements = rows * hidden
    let codes = m.b.assumingMemoryBound(to: UInt8.self)
    let stream = m.c.assumingMemoryBound(to: UInt8.self)
    let halves = m.a.assumingMemoryBound(to: UInt16.self)
    return [
      Kernel(name: "bf16 to f32", byteCount: elements * 6) { begin, end in
        ck_bf16_to_f32(halves + begin * hidden, m.gradient + begin * hidden, (end - begin) * hidden)
      },
      Kernel(name: "f32 to bf16", byteCount: elements * 6) { begin, end in
        ck_f32_to_bf16(
          m.gradient + begin * hidden, m.c.assumingMemoryBound(to: UInt16.self) + begin * hidden,
          (end - begin) * hidden)
      },
      Kernel(name: "packing 4 bits", byteCount: elements * 3 / 2) { begin, end in
        for row in begin..<end {
          ck_pack(codes + row * hidden, hidden, 4, stream + row * hidden / 2, hidden / 2)
        }
      },
      Kernel(name: "unpacking 4 bits", byteCount: elements * 3 / 2) { begin, end in
        for row in begin..<end {
          ck_unpack(stream + row * hidden / 2, hidden / 2, 4, codes + row * hidden, hidden)
        }
      },
      Kernel(name: "packing 3 bits", byteCount: elements * 11 / 8) { begin, end in
        for row in begin..<end {
          ck_pack(codes + row * hidden, hidden, 3, stream + row * hidden / 2, hidden / 8 * 3)
        }
      },
      Kernel(name: "integers to bf16", byteCount: elements * 3) { begin, end in
        for row in begin..<end {
          for first in stride(from: 0, to: hidden, by: 128) {
            ck_int_dequantize(
              codes + row * hidden + first, 0.1, 8, -0.0, m.a + (row * hidden + first) * 2, CK_BF16,
              128)
          }
        }
      },
      Kernel(name: "SHA-256, a stream for each thread", byteCount: elements * 2) { begin, end in
        var state = [UInt32](repeating: 0, count: 8)
        ck_sha256(
          &state, codes + begin * hidden * 2, (end - begin) * hidden * 2 / 64)
      },
    ]
  }
}
