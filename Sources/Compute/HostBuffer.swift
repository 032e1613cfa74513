package import Tensors

/// The processor's own memory.
package final class HostBuffer: DeviceBuffer {
  package let byteCount: Int
  /// The first byte.
  package let base: UnsafeMutableRawPointer
  /// What gives the memory back, if it is not this buffer's own.
  private let owner: Any?

  /// New memory with undefined contents.
  package init(byteCount: Int) {
    self.byteCount = byteCount
    base = Memory.allocate(byteCount: max(byteCount, 64))
    owner = nil
  }

  /// Memory that belongs to `owner`.
  package init(_ memory: UnsafeMutableRawBufferPointer, owner: Any) {
    guard let base = memory.baseAddress else { preconditionFailure("memory without bytes") }
    byteCount = memory.count
    self.base = base
    self.owner = owner
  }

  /// The memory of a tensor, which nobody may write to.
  package convenience init(_ tensor: Tensor) {
    // The tensor keeps the storage alive, and it stays where it is.
    self.init(
      UnsafeMutableRawBufferPointer(mutating: tensor.withUnsafeBytes { $0 }), owner: tensor)
  }

  deinit { if owner == nil { base.deallocate() } }

  package var hostAddress: UnsafeMutableRawPointer? { base }

  package func upload(_ bytes: UnsafeRawBufferPointer, to offset: Int) {
    guard let source = bytes.baseAddress else { return }
    (base + offset).copyMemory(from: source, byteCount: bytes.count)
  }

  package func download(from offset: Int, into bytes: UnsafeMutableRawBufferPointer) {
    bytes.baseAddress?.copyMemory(from: base + offset, byteCount: bytes.count)
  }

  package func copy(_ source: DeviceRange, to offset: Int, byteCount: Int) {
    source.download(
      into: UnsafeMutableRawBufferPointer(start: base + offset, count: byteCount))
  }

  package func clear(from offset: Int, byteCount: Int) {
    (base + offset).initializeMemory(as: UInt8.self, repeating: 0, count: byteCount)
  }
}

extension DeviceBuffer {
  /// The first byte as the processor's code reads and writes it, which only such code may ask for.
  package var hostPointer: UnsafeMutableRawPointer {
    guard let hostAddress else {
      preconditionFailure("the memory of another device was taken for the processor's")
    }
    return hostAddress
  }
}

extension DeviceRange {
  /// The place as the processor's code reads and writes it, which only such code may ask for.
  package var pointer: UnsafeMutableRawPointer { buffer.hostPointer + offset }

  /// ``pointer``, of f32 numbers.
  package var floats: UnsafeMutablePointer<Float> {
    pointer.assumingMemoryBound(to: Float.self)
  }
}
