import CKernels
import Synchronization
import Tensors
import TestSupport
import Testing

@Suite(.oneAtATime) struct TeamTests {
  /// Runs `body` with a team of `size` threads, and then restores the team.
  private func with(_ size: Int, _ body: () -> Void) {
    let before = ThreadTeam.size
    defer { ThreadTeam.size = before }
    ThreadTeam.size = size
    #expect(ThreadTeam.size == size)
    body()
  }

  @Test(arguments: [1, 2, 3, 8]) func everyMemberRunsOnce(size: Int) {
    with(size) {
      let members = Mutex<[Int]>([])
      ThreadTeam.run { member, count in
        members.withLock { $0.append(count == size ? member : -1) }
      }
      #expect(members.withLock { $0.sorted() } == Array(0..<size))
    }
  }

  @Test(arguments: [1, 2, 3, 8], [0, 1, 2, 7, 8, 9, 100])
  func everyElementIsDoneOnce(size: Int, count: Int) {
    with(size) {
      let ranges = Mutex<[Range<Int>]>([])
      ThreadTeam.forRanges(of: count) { begin, end in
        ranges.withLock { $0.append(begin..<end) }
      }
      #expect(ranges.withLock { $0.flatMap { Array($0) }.sorted() } == Array(0..<count))
      let tasks = Mutex<[(index: Int, member: Int)]>([])
      ThreadTeam.forEach(count) { index, member in
        tasks.withLock { $0.append((index, member)) }
      }
      #expect(tasks.withLock { $0.map(\.index).sorted() } == Array(0..<count))
      #expect(tasks.withLock { $0.allSatisfy { $0.member == $0.index % size } })
    }
  }

  @Test func theBestInstructionSetIsTheLimit() {
    let before = ck_isa_current()
    defer { ck_isa_use(before) }
    ck_isa_use(CK_ISA_AVX512)
    #expect(ck_isa_current() == ck_isa_available())
    for isa in instructionSets {
      ck_isa_use(isa)
      #expect(ck_isa_current() == isa)
    }
  }
}
