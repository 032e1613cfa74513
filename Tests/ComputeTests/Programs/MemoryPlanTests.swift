import Compute
import TestSupport
import Testing

@Suite struct MemoryPlanTests {
  @Test(arguments: 0..<200 as Range<UInt64>)
  func whatIsInUseTogetherDoesNotOverlap(seed: UInt64) {
    var generator = SeededGenerator(seed: seed)
    var plan = MemoryPlan()
    for _ in 0..<generator.below(40) {
      let buffer = plan.add(byteCount: generator.below(1000))
      for _ in 0..<generator.below(3) { plan.use(buffer, at: generator.below(30)) }
    }
    plan.place()
    let used = plan.buffers.indices.filter {
      plan.buffers[$0].firstStep <= plan.buffers[$0].lastStep && plan.buffers[$0].byteCount > 0
    }
    for a in used {
      #expect(plan.offsets[a] % 64 == 0)
      #expect(plan.offsets[a] + plan.buffers[a].byteCount <= plan.byteCount)
      for b in used where b > a {
        let (x, y) = (plan.buffers[a], plan.buffers[b])
        guard x.firstStep <= y.lastStep, y.firstStep <= x.lastStep else { continue }
        let apart =
          plan.offsets[a] + x.byteCount <= plan.offsets[b]
          || plan.offsets[b] + y.byteCount <= plan.offsets[a]
        #expect(apart, "buffers \(a) and \(b) are in use together and overlap, seed \(seed)")
      }
    }
    let total = used.reduce(0) { $0 + (plan.buffers[$1].byteCount + 63) / 64 * 64 }
    #expect(plan.byteCount <= total)
  }

  @Test func buffersThatFollowEachOtherShareMemory() {
    var plan = MemoryPlan()
    for step in 0..<10 {
      let buffer = plan.add(byteCount: 640)
      plan.use(buffer, at: step)
    }
    plan.place()
    #expect(plan.byteCount == 640)
  }
}
