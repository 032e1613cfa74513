import CKernels
import Tensors

extension Kernel {
  /// A weight `[rows, hidden]` of 4 bits in groups of 128.
  static func integerWeights(_ m: KernelMemory) -> [Kernel] {
    let (elements, groups) = (rows * hidden, hidden / 128)
    let (alpha, beta) = (m.numbers(1), m.numbers(1))
    let (least, greatest) = (m.numbers(-1), m.numbers(1))
    let (dq, dx, dclip) = (m.numbers(0), m.numbers(0), m.numbers(0))
    let searched = m.numbers(0)
    let layer = ck_int_layer(
      weight: UnsafeRawPointer(m.a), columns: hidden, group_size: 128, groups: groups,
      parameter_stride: groups, weight_type: CK_BF16, bits: 4, symmetric: 1,
      scale_type: CK_SCALE_BF16, offsets: m.countedOffsets, alpha: alpha, beta: beta,
      wmin: UnsafePointer(least), wmax: UnsafePointer(greatest), initial: nil,
      scale: m.numbers(0), zero: m.numbers(0))
    var trial = layer
    trial.scale = searched
    withUnsafePointer(to: layer) { ck_int_scales($0, 0, rows * groups) }
    return [
      Kernel(name: "fake quantization", byteCount: elements * (2 + 2 + 2)) { begin, end in
        withUnsafePointer(to: layer) {
          ck_int_quantize(
            $0, m.c + 2 * begin * hidden, CK_BF16, hidden, begin, end, 0, hidden)
        }
      },
      Kernel(name: "update of V and ranges", byteCount: elements * (4 + 2 + 2 + 2)) { begin, end in
        withUnsafePointer(to: layer) {
          ck_int_update($0, m.gradient, 0.001, dq, dx, dclip, begin, end)
        }
      },
      Kernel(name: "search for scales", byteCount: elements * 2) { begin, end in
        withUnsafeTemporaryAllocation(of: Float.self, capacity: 256) { scratch in
          withUnsafePointer(to: trial) {
            ck_int_search($0, nil, scratch.baseAddress, begin, end)
          }
        }
      },
    ]
  }

  /// The same weight as floats of each format.
  static func floatWeights(_ m: KernelMemory) -> [Kernel] {
    let formats: [(String, ck_float_format, groupSize: Int)] = [
      ("FP8", CK_FP8, 1024), ("MXFP8", CK_MXFP8, 32), ("MXFP4", CK_MXFP4, 32),
      ("NVFP4", CK_NVFP4, 16),
    ]
    return formats.flatMap { floatWeights(m, name: $0, format: $1, groupSize: $2) }
  }

  private static func floatWeights(
    _ m: KernelMemory, name: String, format: ck_float_format, groupSize: Int
  ) -> [Kernel] {
    let (elements, groups) = (rows * hidden, hidden / groupSize)
    let (df, dx) = (m.numbers(0), m.numbers(0))
    let layer = ck_float_layer(
      weight: UnsafeRawPointer(m.a), columns: hidden, group_size: groupSize, groups: groups,
      row_span: 1, weight_type: CK_BF16, format: format, scale_type: CK_SCALE_BF16, global: 2688,
      beta_limit: 1, offsets: m.countedOffsets, beta: m.numbers(1),
      greatest: UnsafePointer(m.numbers(1)),
      scale: m.numbers(0), inverse: m.numbers(0), stored: m.numbers(0))
    withUnsafePointer(to: layer) { ck_float_scales($0, 0, rows * groups) }
    return [
      Kernel(name: "\(name), fake quantization", byteCount: elements * (2 + 2 + 2)) {
        begin, end in
        withUnsafePointer(to: layer) {
          ck_float_quantize(
            $0, m.c + 2 * begin * hidden, CK_BF16, hidden, begin, end, 0, hidden)
        }
      },
      Kernel(name: "\(name), update of V and ranges", byteCount: elements * (4 + 2 + 2 + 2)) {
        begin, end in
        withUnsafePointer(to: layer) {
          ck_float_update($0, m.gradient, 0.001, df, dx, begin, end)
        }
      },
    ]
  }

  /// Inputs `[rows, hidden]` of a linear layer, with scales found as they come.
  static func quantizedInputs(_ m: KernelMemory) -> [Kernel] {
    let elements = rows * hidden
    func rule(
      isFloat: Bool, _ format: ck_float_format = CK_FP8, groupSize: Int, given: Float = 0
    ) -> ck_activation_rule {
      ck_activation_rule(
        is_float: isFloat ? 1 : 0, format: format, bits: 8, symmetric: 1, runtime: 0,
        columns: hidden, group_size: groupSize, given: given, type: CK_BF16)
    }
    let rules: [(String, ck_activation_rule)] = [
      ("int8 tokens", rule(isFloat: false, groupSize: hidden)),
      ("FP8 tokens", rule(isFloat: true, groupSize: hidden)),
      ("FP8, static", rule(isFloat: true, groupSize: hidden, given: 0.01)),
      ("MXFP4", rule(isFloat: true, CK_MXFP4, groupSize: 32)),
      ("NVFP4", rule(isFloat: true, CK_NVFP4, groupSize: 16, given: 2688)),
    ]
    return rules.flatMap { name, rule in
      [
        Kernel(name: name, byteCount: elements * (2 + 2)) { begin, end in
          withUnsafePointer(to: rule) {
            ck_activation_quantize($0, m.a, hidden, m.c, begin, end)
          }
        },
        Kernel(name: "\(name), backward", byteCount: elements * (2 + 2 + 2)) { begin, end in
          withUnsafePointer(to: rule) {
            ck_activation_backward($0, m.a, hidden, m.b, m.c, 0, nil, begin, end)
          }
        },
      ]
    }
  }
}
