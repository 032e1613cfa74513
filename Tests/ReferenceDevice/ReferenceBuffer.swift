package import Compute

/// Memory that no code of the processor can take for its own: it has no address.
package final class ReferenceBuffer: DeviceBuffer {
  private var bytes: [UInt8]

  init(byteCount: Int) {
    // What is read before it is written is no number.
    bytes = Array(repeating: 0xFF, count: byteCount)
  }

  package var byteCount: Int { bytes.count }
  package var hostAddress: UnsafeMutableRawPointer? { nil }

  package func upload(_ source: UnsafeRawBufferPointer, to offset: Int) {
    bytes.withUnsafeMutableBytes { $0[offset..<offset + source.count].copyBytes(from: source) }
  }

  package func download(from offset: Int, into target: UnsafeMutableRawBufferPointer) {
    bytes.withUnsafeBytes { target.copyBytes(from: $0[offset..<offset + target.count]) }
  }

  package func copy(_ source: DeviceRange, to offset: Int, byteCount: Int) {
    withUnsafeTemporaryAllocation(byteCount: byteCount, alignment: 64) {
      source.download(into: $0)
      upload(UnsafeRawBufferPointer($0), to: offset)
    }
  }

  package func clear(from offset: Int, byteCount: Int) {
    for index in offset..<offset + byteCount { bytes[index] = 0 }
  }
}
