package import Compute
#if canImport(Glibc)
  import Glibc
#endif

/// The hidden states of all calibration samples at one place in the model.
package final class ActivationCache {
  package let sampleCount: Int
  /// Bytes of one sample: its tokens times the hidden size.
  package let sampleByteCount: Int
  package let compute: ComputeType
  private let memory: UnsafeMutableRawPointer

  package init(sampleCount: Int, sampleByteCount: Int, compute: ComputeType) {
    self.sampleCount = sampleCount
    self.sampleByteCount = sampleByteCount
    self.compute = compute
    memory = .allocate(byteCount: max(1, sampleCount * sampleByteCount), alignment: 64)
  }

  deinit { memory.deallocate() }

  /// The first byte of a sample.
  package subscript(_ sample: Int) -> UnsafeMutableRawPointer {
    precondition(sample >= 0 && sample < sampleCount)
    return memory + sample * sampleByteCount
  }

  /// A second cache with the same contents.
  package func copy() -> ActivationCache {
    let copy = ActivationCache(
      sampleCount: sampleCount, sampleByteCount: sampleByteCount, compute: compute)
    copy.memory.copyMemory(from: memory, byteCount: sampleCount * sampleByteCount)
    return copy
  }
}
