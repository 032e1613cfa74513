import AutoRound
import CPU
import Compute
import Diagnostics
import Foundation
import TestSupport
import Testing

@Suite struct StreamPlacementTests {
  private let megabyte = 1 << 20

  /// 1000 MB for a block, and two streams of 640 MB.
  private func place(
    _ budget: MemoryBudget, mayExceed: Bool = false
  ) throws -> StreamPlacement {
    try StreamPlacement(
      sampleCount: 640, sampleByteCount: megabyte, device: CPUDevice(compute: .float32), batch: 16,
      blockByteCount: 1000 * megabyte, budget: budget, scratchFolder: "/nonexistent",
      mayExceed: mayExceed)
  }

  @Test(arguments: [
    (Int.max, 2), (2280, 2), (2279, 1), (1656, 1), (1655, 0), (1032, 0),
  ])
  func keepsInMemoryWhatFits(_ megabytes: Int, _ expected: Int) throws {
    let bytes = megabytes == .max ? .max : megabytes * megabyte
    #expect(try place(MemoryBudget(byteCount: bytes)).streamsInMemory == expected)
  }

  @Test func whatDoesNotFitAtAllIsRefused() {
    expectInputError(.invalidValue, mentioning: ["memoryBudget", "1.08 GB", "batchSize"]) {
      try place(MemoryBudget(byteCount: 1031 * megabyte))
    }
  }

  @Test func whatNobodyAskedForIsKeptAsFarAsItCanBe() throws {
    let placement = try place(MemoryBudget(byteCount: 1), mayExceed: true)
    #expect(placement.streamsInMemory == 0)
    #expect(placement.scratchByteCount == 1280 * megabyte)
  }

  @Test func theSecondStreamIsSpilledFirst() throws {
    let placement = try place(MemoryBudget(byteCount: 1700 * megabyte))
    #expect(placement.streamByteCount == 640 * megabyte)
    #expect(try placement.makeCache(0).sampleCount == 640)
    expectInputError(.unwritable, mentioning: ["/nonexistent/scratch-"]) {
      try placement.makeCache(1)
    }
  }
}
