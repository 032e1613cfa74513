import CPU
import Checkpoints
import Compute
import Diagnostics
import Execution
import Foundation
import Recordings
import TestSupport
import Testing

#if canImport(Glibc)
  import Glibc
#else
  import Darwin
#endif

@Suite(.oneAtATime) struct SpilledCacheTests {
  /// Samples that do not end at pages, through a window of three.
  @Test func holdsWhatAnyOrderOfUsePutIn() throws {
    try withTemporaryFolder { folder in
      let (count, size) = (23, 5000)
      let device = try CPUDevice(compute: .float32)
      let plain = ActivationCache(sampleCount: count, sampleByteCount: size, device: device)
      let spilled = try ActivationCache(
        sampleCount: count, sampleByteCount: size, device: CPUDevice(compute: .float32),
        spilledTo: folder.path,
        residentSampleCount: 3)
      for sample in 0..<count {
        plain[sample].clear(byteCount: size)
      }
      var generator = SeededGenerator(seed: 4)
      for _ in 0..<2000 {
        let sample = generator.below(count)
        let place = generator.below(size)
        let byte = UInt8(truncatingIfNeeded: generator.next())
        plain[sample].pointer.storeBytes(of: byte, toByteOffset: place, as: UInt8.self)
        spilled[sample].pointer.storeBytes(of: byte, toByteOffset: place, as: UInt8.self)
      }
      #expect(bytes(of: spilled) == bytes(of: plain))
      let all = UnsafeRawBufferPointer(start: spilled[0..<count].pointer, count: count * size)
      #expect(Array(all) == bytes(of: plain))
      let copy = ActivationCache(sampleCount: count, sampleByteCount: size, device: device)
      copy.copy(from: spilled)
      #expect(bytes(of: copy) == bytes(of: plain))
    }
  }

  @Test func leavesNoFileBehind() throws {
    try withTemporaryFolder { folder in
      let cache = try makeSpilled(count: 4, size: 1 << 16, in: folder)
      #expect(try names(in: folder).isEmpty)
      cache[3].pointer.storeBytes(of: 7, as: UInt8.self)
      #expect(cache[3].pointer.load(as: UInt8.self) == 7)
    }
  }

  @Test func holdsNoMoreInMemoryThanItsWindow() throws {
    #if os(Linux)
      try withTemporaryFolder { folder in
        let (count, size) = (64, 1 << 20)
        let cache = try makeSpilled(count: count, size: size, in: folder)
        let before = ProcessMemory.currentByteCount
        for round in 0..<3 {
          for sample in 0..<count { memset(cache[sample].pointer, Int32(round + sample), size) }
          #expect(ProcessMemory.currentByteCount - before < 8 << 20)
        }
        for sample in 0..<count {
          #expect(cache[sample].pointer.load(as: UInt8.self) == UInt8(2 + sample))
        }
      }
    #endif
  }

  @Test func aFullDiskIsAnError() throws {
    try withTemporaryFolder { folder in
      expectInputError(.unwritable, mentioning: [folder.path, "\(1 << 52) bytes"]) {
        try makeSpilled(count: 1 << 20, size: 1 << 32, in: folder)
      }
      let left = try names(in: folder)
      #expect(left.isEmpty)
    }
  }

  private func makeSpilled(count: Int, size: Int, in folder: URL) throws -> ActivationCache {
    try ActivationCache(
      sampleCount: count, sampleByteCount: size, device: CPUDevice(compute: .float32),
      spilledTo: folder.path,
      residentSampleCount: 4)
  }

  private func bytes(of cache: ActivationCache) -> [UInt8] {
    (0..<cache.sampleCount).flatMap {
      Array(UnsafeRawBufferPointer(start: cache[$0].pointer, count: cache.sampleByteCount))
    }
  }
}
