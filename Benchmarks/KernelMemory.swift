import CKernels

/// The arrays that kernels are timed on.
final class KernelMemory {
  typealias Floats = UnsafeMutablePointer<Float>

  /// bf16 `[rows, 2 * gate]` each.
  let (a, b, c): (UnsafeMutableRawPointer, UnsafeMutableRawPointer, UnsafeMutableRawPointer)
  /// f32 `[rows, hidden]`.
  let (gradient, offsets): (Floats, Floats)
  /// Offsets of a weight `[rows, hidden]`, in 16 bits.
  let countedOffsets: ck_offsets
  private var owned: [UnsafeMutableRawPointer] = []

  init() {
    let wide = Kernel.rows * 2 * Kernel.gate
    var owned: [UnsafeMutableRawPointer] = []
    func halves() -> UnsafeMutableRawPointer {
      let pointer = UnsafeMutableRawPointer.allocate(byteCount: 2 * wide, alignment: 64)
      owned.append(pointer)
      // 0x3F80 is one; the low bits make neighbours differ.
      let elements = pointer.bindMemory(to: UInt16.self, capacity: wide)
      for index in 0..<wide { elements[index] = 0x3F80 &- UInt16(truncatingIfNeeded: index & 0xFF) }
      return pointer
    }
    func floats(_ value: Float, _ count: Int) -> Floats {
      let raw = UnsafeMutableRawPointer.allocate(byteCount: 4 * count, alignment: 64)
      owned.append(raw)
      let pointer = raw.bindMemory(to: Float.self, capacity: count)
      pointer.initialize(repeating: value, count: count)
      return pointer
    }
    (a, b, c) = (halves(), halves(), halves())
    let square = Kernel.rows * Kernel.hidden
    (gradient, offsets) = (floats(0.5, square), floats(0.1, square))
    let counted = UnsafeMutableRawPointer.allocate(byteCount: 2 * square, alignment: 64)
    owned.append(counted)
    counted.bindMemory(to: Int16.self, capacity: square).initialize(repeating: 3277, count: square)
    countedOffsets = ck_offsets(
      numbers: counted, stride: Kernel.hidden, type: CK_OFFSETS_I16, unit: 0x1p-15)
    self.owned = owned
  }

  deinit { for pointer in owned { pointer.deallocate() } }

  /// f32 `[rows, 128]`: a number for each head of each row, or for each group of a weight.
  func numbers(_ value: Float) -> Floats {
    let count = Kernel.rows * 128
    let raw = UnsafeMutableRawPointer.allocate(byteCount: 4 * count, alignment: 64)
    owned.append(raw)
    let pointer = raw.bindMemory(to: Float.self, capacity: count)
    pointer.initialize(repeating: value, count: count)
    return pointer
  }
}
