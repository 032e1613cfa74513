import CKernels
import Synchronization
import Tensors
import TestSupport
import Testing

#if canImport(Glibc)
  import Glibc
#else
  import Darwin
#endif

@Suite(.oneAtATime) struct TeamTests {
  /// Runs `body` with a team of `size` threads, and then restores the team.
  private func with(_ size: Int, _ body: () -> Void) {
    let before = ThreadTeam.size
    defer { ThreadTeam.size = before }
    ThreadTeam.size = size
    #expect(ThreadTeam.size == size)
    body()
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
      #expect(tasks.withLock { count == 0 || $0.everySatisfies { (0..<size).contains($0.member) } })
    }
  }

  /// The calling thread does not wait for a worker that has not come: with sixteen threads on two cores most
  /// are asleep when a region begins, and some wake when it is over.
  @Test func regionsFollowEachOtherWhileThreadsComeLate() {
    with(16) {
      var sums = [Int](repeating: 0, count: 16)
      sums.withUnsafeMutableBufferPointer { sums in
        nonisolated(unsafe) let sums = sums
        for round in 0..<20_000 {
          ThreadTeam.forEach(16) { index, _ in sums[index] += round & 1 }
        }
      }
      #expect(sums == [Int](repeating: 10_000, count: 16))
    }
  }

  /// Threads that wait for work sleep, so that they cost other programs nothing.
  @Test func idleThreadsUseNoProcessor() {
    with(8) {
      ThreadTeam.forEach(8) { _, _ in }
      func seconds() -> Double {
        var usage = rusage()
        getrusage(__rusage_who_t(RUSAGE_SELF.rawValue), &usage)
        return Double(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec)
          + Double(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e6
      }
      let before = seconds()
      usleep(500_000)
      #expect(seconds() - before < 0.25)
    }
  }

  /// The matrix library may let the stack pointer point into its own buffers, over whose neighbours a handler
  /// would write.
  @Test(arguments: [1, 2]) func aSignalWaitsUntilARegionIsDone(size: Int) {
    Handled.count.store(0, ordering: .relaxed)
    let before = signal(SIGUSR1) { _ in Handled.count.add(1, ordering: .relaxed) }
    // Threads of tests may be made with all signals blocked.
    var (only, mask) = (sigset_t(), sigset_t())
    sigemptyset(&only)
    sigaddset(&only, SIGUSR1)
    pthread_sigmask(SIG_UNBLOCK, &only, &mask)
    defer {
      pthread_sigmask(SIG_SETMASK, &mask, nil)
      signal(SIGUSR1, before)
    }
    with(size) {
      ThreadTeam.forEach(20) { _, member in
        // Those of a worker's own thread are never handled.
        if member == 0 { raise(SIGUSR1) }
        #expect(Handled.count.load(ordering: .relaxed) == 0)
      }
      raise(SIGUSR1)
      #expect((1...2).contains(Handled.count.load(ordering: .relaxed)))
      ThreadTeam.alone {
        raise(SIGUSR1)
        #expect((1...2).contains(Handled.count.load(ordering: .relaxed)))
      }
      #expect((2...3).contains(Handled.count.load(ordering: .relaxed)))
    }
  }

  private enum Handled { static let count = Atomic<Int>(0) }

  @Test func aRegionInsideARegionRunsOnItsThread() {
    with(3) {
      let seen = Mutex<[[Int]]>([])
      ThreadTeam.forEach(4) { _, outer in
        var inner: [Int] = []
        ThreadTeam.forEach(5) { _, member in inner.append(member == outer ? 1 : 0) }
        seen.withLock { $0.append(inner) }
      }
      #expect(seen.withLock { $0 } == Array(repeating: [1, 1, 1, 1, 1], count: 4))
    }
  }

  /// Two threads of a program that both compute take turns.
  @Test func regionsOfSeveralCallersAreDoneOneByOne() async {
    let before = ThreadTeam.size
    defer { ThreadTeam.size = before }
    ThreadTeam.size = 2
    final class Counts: Sendable {
      let good = Atomic(0)
      let inside = Atomic(0)
    }
    let counts = Counts()
    await withTaskGroup { group in
      for _ in 0..<4 {
        group.addTask {
          for _ in 0..<500 {
            ThreadTeam.forEach(8) { _, member in
              // Two members at the most, whoever called.
              let others = counts.inside.add(1, ordering: .relaxed).oldValue
              counts.good.add(others < 2 && member < 2 ? 1 : 0, ordering: .relaxed)
              counts.inside.subtract(1, ordering: .relaxed)
            }
          }
        }
      }
    }
    #expect(counts.good.load(ordering: .relaxed) == 4 * 500 * 8)
  }

  @Test(
    arguments: [
      ("max 100000", nil), ("-1 100000", nil), ("150000 100000", 2), ("100000 100000\n", 1),
      ("20000 100000", 1), ("0 0", nil), ("", nil), ("x y", nil), ("1e300 1", nil),
    ] as [(String, Int?)])
  func quotasAreReadAsTheyAreWritten(text: String, threads: Int?) {
    #expect(ProcessorQuota.threadCount(maximum: text) == threads)
  }

  @Test func controlGroupsAreFoundUpToTheRoot() {
    func folders(_ membership: String) -> [String] {
      ControlGroups.groups(membership: membership, controller: "cpu").map(\.folder)
    }
    #expect(folders("0::/a/b\n") == ["/sys/fs/cgroup/a/b", "/sys/fs/cgroup/a", "/sys/fs/cgroup"])
    #expect(
      folders("3:cpu,cpuacct:/a\n4:memory:/m\n") == ["/sys/fs/cgroup/cpu/a", "/sys/fs/cgroup/cpu"])
    #expect(folders("nonsense\n") == [])
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
