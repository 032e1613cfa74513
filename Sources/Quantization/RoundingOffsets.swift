import CKernels
import Tensors

/// How offsets are held.
package enum OffsetType: Sendable {
  /// As f32.
  case float32
  /// As whole numbers of a unit, in 16 bits.
  case counted

  package var byteCount: Int {
    switch self {
    case .float32: MemoryLayout<Float>.stride
    case .counted: MemoryLayout<Int16>.stride
    }
  }
}

/// The offsets V of a weight: at first a row of zeros for all rows, then one for each element.
final class RoundingOffsets {
  private let rows: Int
  private let columns: Int
  private var memory: UnsafeMutableRawPointer
  /// Nil for the row of zeros.
  private(set) var type: OffsetType?
  private var unit: Float = 1

  init(rows: Int, columns: Int) {
    (self.rows, self.columns) = (rows, columns)
    memory = Self.zeros(columns, .float32)
  }

  deinit { memory.deallocate() }

  private static func zeros(_ count: Int, _ type: OffsetType) -> UnsafeMutableRawPointer {
    let memory = Memory.allocate(byteCount: count * type.byteCount)
    // Zero in either type.
    memory.initializeMemory(as: UInt8.self, repeating: 0, count: count * type.byteCount)
    return memory
  }

  /// What kernels see of them.
  var layer: ck_offsets {
    ck_offsets(
      numbers: memory, stride: type == nil ? 0 : columns,
      type: type == .counted ? CK_OFFSETS_I16 : CK_OFFSETS_F32, unit: unit)
  }

  /// Makes an offset for each element, zeros, where there is none yet.
  ///
  /// - Parameter unit: What they are counted in; nil: they are f32.
  func make(unit: Float?) {
    guard type == nil else { return }
    precondition(unit.map { $0 > 0 && $0.isFinite } ?? true, "offsets are counted in a unit")
    let type: OffsetType = unit == nil ? .float32 : .counted
    replace(with: Self.zeros(rows * columns, type), type)
    self.unit = unit ?? 1
  }

  /// Gives their memory back.
  func giveUp() { replace(with: Self.zeros(columns, .float32), nil) }

  private func replace(with memory: UnsafeMutableRawPointer, _ type: OffsetType?) {
    self.memory.deallocate()
    (self.memory, self.type) = (memory, type)
  }

  /// V as numbers, `[rows, columns]`; f32 is what is set.
  var numbers: [Float] {
    get {
      switch type {
      case nil: Array(repeating: 0, count: rows * columns)
      case .float32:
        Array(
          UnsafeBufferPointer(
            start: memory.assumingMemoryBound(to: Float.self), count: rows * columns))
      case .counted:
        UnsafeBufferPointer(
          start: memory.assumingMemoryBound(to: Int16.self), count: rows * columns
        ).map { unit * Float($0) }
      }
    }
    set {
      precondition(newValue.count == rows * columns, "\(newValue.count) offsets")
      make(unit: nil)
      precondition(type == .float32, "counted offsets move by steps alone")
      memory.assumingMemoryBound(to: Float.self).update(from: newValue, count: newValue.count)
    }
  }
}
