package import Calibration
import Checkpoints
package import Compute
package import Diagnostics
package import Recordings
import Tensors

/// The hidden states of all calibration samples at one place in the model: in memory, or in a scratch
/// file of which only what was used last is in memory.
package final class ActivationCache {
  package let sampleCount: Int
  /// Bytes of one sample: its tokens times the columns of the stream.
  package let sampleByteCount: Int
  package let device: any Device
  package var compute: ComputeType { device.compute }
  /// Of each sample; nil where all tokens are the samples' own, and count.
  package var masks: [SampleMask]?
  private let memory: any DeviceBuffer
  /// Nil where all samples are in memory.
  private let scratch: (memory: ScratchMemory, window: SampleWindow)?

  /// A cache in memory, with undefined contents.
  package init(sampleCount: Int, sampleByteCount: Int, device: any Device) {
    self.sampleCount = sampleCount
    self.sampleByteCount = sampleByteCount
    self.device = device
    memory = device.makeBuffer(byteCount: sampleCount * sampleByteCount)
    scratch = nil
  }

  /// A cache in a file without a name.
  ///
  /// - Parameters:
  ///   - folder: Where there is room for the file.
  ///   - residentSampleCount: Samples that are in memory at most, beyond one batch.
  /// - Throws: `unwritable` if there is no room.
  package init(
    sampleCount: Int, sampleByteCount: Int, device: any Device, spilledTo folder: String,
    residentSampleCount: Int
  ) throws(InputError) {
    self.sampleCount = sampleCount
    self.sampleByteCount = sampleByteCount
    self.device = device
    let byteCount = max(1, sampleCount * sampleByteCount)
    let file = try ScratchMemory(in: folder, byteCount: byteCount)
    memory = device.makeBuffer(
      over: UnsafeMutableRawBufferPointer(start: file.base, count: byteCount), owner: file)
    scratch = (file, SampleWindow(sampleCount: sampleCount, limit: residentSampleCount))
  }

  /// The first byte of a sample. Other samples must be reached through their own number, or with
  /// ``subscript(_:)-(Range<Int>)``.
  package subscript(_ sample: Int) -> DeviceRange {
    self[sample..<sample + 1]
  }

  /// The first byte of samples that lie one after another.
  package subscript(_ samples: Range<Int>) -> DeviceRange {
    precondition(samples.lowerBound >= 0 && samples.upperBound <= sampleCount)
    if let scratch {
      for sample in samples {
        guard let oldest = scratch.window.enter(sample) else { continue }
        scratch.memory.release(oldest * sampleByteCount..<(oldest + 1) * sampleByteCount)
      }
    }
    return DeviceRange(memory, offset: samples.lowerBound * sampleByteCount)
  }

  /// A second cache with the same contents, in memory.
  package func copy() -> ActivationCache {
    let copy = ActivationCache(
      sampleCount: sampleCount, sampleByteCount: sampleByteCount, device: device)
    copy.copy(from: self)
    copy.masks = masks
    return copy
  }

  /// Takes over the contents of a cache of the same shape.
  package func copy(from other: ActivationCache) {
    precondition(sampleCount == other.sampleCount && sampleByteCount == other.sampleByteCount)
    for sample in 0..<sampleCount {
      self[sample].copy(from: other[sample], byteCount: sampleByteCount)
    }
  }
}

/// Which samples of a file are in memory: the ones that were used last.
private final class SampleWindow {
  private var isInside: [Bool]
  /// The samples inside, a ring with the oldest at `next` once it is full.
  private var ring: [Int?]
  private var next = 0

  init(sampleCount: Int, limit: Int) {
    isInside = Array(repeating: false, count: sampleCount)
    ring = Array(repeating: nil, count: max(1, limit))
  }

  /// Notes that a sample is used; returns the one that leaves for it.
  func enter(_ sample: Int) -> Int? {
    guard !isInside[sample] else { return nil }
    isInside[sample] = true
    let oldest = ring[next]
    ring[next] = sample
    next = (next + 1) % ring.count
    if let oldest { isInside[oldest] = false }
    return oldest
  }
}
