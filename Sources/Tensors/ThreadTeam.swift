internal import CKernels

/// The one thread team of the process.
///
/// Work is handed out in pieces: a thread that another program keeps from running holds up one piece and not
/// the others. Regions of several callers come one after the other; inside a piece, a region runs on the
/// thread that opens it. Signals are not handled inside a piece; they wait until it is done.
package enum ThreadTeam {
  /// The most threads that a team has.
  package static let sizeLimit = Int(CK_TEAM_LIMIT)

  /// Number of threads of every later region. At first one for each processor that this process may use,
  /// within the CPU quotas of its control groups.
  package static var size: Int {
    get {
      heedQuota
      return Int(ck_team_size())
    }
    set {
      precondition((1...sizeLimit).contains(newValue))
      heedQuota
      ck_team_set_size(Int32(newValue))
    }
  }

  /// Sets the size within the quota, once.
  private static let heedQuota: Void = {
    if let quota = ProcessorQuota.threadCount, quota < ck_team_size() {
      ck_team_set_size(Int32(quota))
    }
  }()

  /// Pieces for each thread, where what is shared out can be cut anywhere.
  private static let piecesOfMember = 4

  /// Calls `body` once for each of `0 ..< count`, with the number of the thread that does it, and waits for
  /// all. A thread's number is below ``size``, and no two calls have the same at the same time.
  package static func forEach(_ count: Int, _ body: (_ index: Int, _ member: Int) -> Void) {
    heedQuota
    withoutActuallyEscaping(body) { body in
      var body = body
      withUnsafeMutablePointer(to: &body) { pointer in
        ck_team_run(
          Int32(count),
          { context, index, member in
            context!.assumingMemoryBound(to: ((Int, Int) -> Void).self)
              .pointee(Int(index), Int(member))
          }, pointer)
      }
    }
  }

  /// Splits `0 ..< count` into ranges, calls `body` with each and with the number of the thread that does
  /// it, and waits for all.
  ///
  /// What `body` computes for an element must not depend on the range that it comes in; then results
  /// do not depend on the number of threads.
  package static func forRanges(
    of count: Int, _ body: (_ begin: Int, _ end: Int, _ member: Int) -> Void
  ) {
    let size = size
    let pieces = size == 1 ? min(count, 1) : min(count, size * piecesOfMember)
    forEach(pieces) { piece, member in
      body(count * piece / pieces, count * (piece + 1) / pieces, member)
    }
  }

  /// The same for a `body` that does not need to know its thread.
  package static func forRanges(of count: Int, _ body: (_ begin: Int, _ end: Int) -> Void) {
    forRanges(of: count) { begin, end, _ in body(begin, end) }
  }

  /// Calls `body` while the matrix library sees one thread, as it does in a piece: what it prepares then is
  /// for one thread.
  package static func alone<Result>(_ body: () throws -> Result) rethrows -> Result {
    var before = ck_library_state()
    ck_library_begin(&before)
    defer { ck_library_end(&before) }
    return try body()
  }
}
