package import Compute

/// Memory that no code of the processor can take for its own: it has no address.
package final class ReferenceBuffer: DeviceBuffer {
  private let bytes: UnsafeMutableRawBufferPointer
  /// What gives the memory back, if it is not this buffer's own.
  private let owner: AnyObject?

  init(byteCount: Int) {
    bytes = .allocate(byteCount: byteCount, alignment: 64)
    owner = nil
    // What is read before it is written is no number.
    bytes.initializeMemory(as: UInt8.self, repeating: 0xFF)
  }

  init(over memory: UnsafeMutableRawBufferPointer, owner: AnyObject) {
    (bytes, self.owner) = (memory, owner)
  }

  deinit { if owner == nil { bytes.deallocate() } }

  package var byteCount: Int { bytes.count }
  package var hostAddress: UnsafeMutableRawPointer? { nil }

  package func upload(_ source: UnsafeRawBufferPointer, to offset: Int) {
    part(offset, source.count).copyBytes(from: source)
  }

  package func download(from offset: Int, into target: UnsafeMutableRawBufferPointer) {
    target.copyBytes(from: part(offset, target.count))
  }

  package func copy(_ source: DeviceRange, to offset: Int, byteCount: Int) {
    source.download(into: part(offset, byteCount))
  }

  package func clear(from offset: Int, byteCount: Int) {
    part(offset, byteCount).initializeMemory(as: UInt8.self, repeating: 0)
  }

  private func part(_ offset: Int, _ byteCount: Int) -> UnsafeMutableRawBufferPointer {
    UnsafeMutableRawBufferPointer(rebasing: bytes[offset..<offset + byteCount])
  }
}
