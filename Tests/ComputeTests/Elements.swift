import Compute
import Recordings
import Tensors
import TestSupport
import Testing

/// Memory with elements of a compute type, and behind them some that nobody may touch.
final class Elements {
  let compute: ComputeType
  let count: Int
  private let memory: UnsafeMutableRawBufferPointer
  private static let guardByteCount = 256
  private static let guardByte: UInt8 = 0xA5

  /// The numbers nearest to `floats`.
  init(_ floats: [Float], _ compute: ComputeType) {
    self.compute = compute
    count = floats.count
    memory = .allocate(
      byteCount: count * compute.byteCount + Self.guardByteCount, alignment: 64)
    memory.initializeMemory(as: UInt8.self, repeating: Self.guardByte)
    Tensor(floats, shape: [count]).converted(to: compute.dtype).withUnsafeBytes {
      memory.copyMemory(from: $0)
    }
  }

  /// Elements that must all be written: they are NaN.
  convenience init(unwritten count: Int, _ compute: ComputeType) {
    self.init(Array(repeating: .nan, count: count), compute)
  }

  deinit {
    let guards = memory.suffix(Self.guardByteCount)
    if !guards.everySatisfies({ $0 == Self.guardByte }) {
      Issue.record("something was written behind \(count) elements")
    }
    memory.deallocate()
  }

  var pointer: UnsafeMutableRawPointer { memory.baseAddress! }
  var floats: [Float] { read(pointer, count, compute) }
  /// The place as a device sees it.
  var range: DeviceRange {
    DeviceRange(
      HostBuffer(
        UnsafeMutableRawBufferPointer(start: pointer, count: count * compute.byteCount), owner: self
      ))
  }
}

/// `count` elements from `pointer` on.
func read(_ pointer: UnsafeRawPointer, _ count: Int, _ compute: ComputeType) -> [Float] {
  var tensor = Tensor(zeros: [count], dtype: compute.dtype)
  tensor.withUnsafeMutableBytes {
    $0.copyMemory(from: UnsafeRawBufferPointer(start: pointer, count: $0.count))
  }
  return tensor.floats()
}

/// Puts the elements nearest to `floats` from `pointer` on.
func write(_ floats: [Float], to pointer: UnsafeMutableRawPointer, _ compute: ComputeType) {
  Tensor(floats, shape: [floats.count]).converted(to: compute.dtype).withUnsafeBytes {
    pointer.copyMemory(from: $0.baseAddress!, byteCount: $0.count)
  }
}
