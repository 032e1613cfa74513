internal import CKernels

/// The one thread team of the process, shared with the matrix library.
///
/// Open regions from one thread only: the threads belong to whoever opens the region.
package enum ThreadTeam {
  /// Number of threads of every later region.
  package static var size: Int {
    get { Int(ck_team_size()) }
    set {
      precondition(newValue >= 1)
      ck_team_set_size(Int32(newValue))
    }
  }

  /// Calls `body` once on each thread with the thread's number and waits for all.
  package static func run(_ body: (_ member: Int, _ size: Int) -> Void) {
    withoutActuallyEscaping(body) { body in
      var body = body
      withUnsafeMutablePointer(to: &body) { pointer in
        ck_team_run(
          { context, member, size in
            context!.assumingMemoryBound(to: ((Int, Int) -> Void).self)
              .pointee(Int(member), Int(size))
          }, pointer)
      }
    }
  }

  /// Splits `0 ..< count` into one range for each thread and calls `body` with each.
  ///
  /// What `body` computes for an element must not depend on the range that it comes in; then results
  /// do not depend on the number of threads.
  package static func forRanges(of count: Int, _ body: (_ begin: Int, _ end: Int) -> Void) {
    run { member, size in
      let begin = count * member / size
      let end = count * (member + 1) / size
      if begin < end { body(begin, end) }
    }
  }

  /// Calls `body` for each of `0 ..< count`, shared out in turn, with the thread that does it.
  package static func forEach(_ count: Int, _ body: (_ index: Int, _ member: Int) -> Void) {
    run { member, size in
      for index in stride(from: member, to: count, by: size) { body(index, member) }
    }
  }
}
