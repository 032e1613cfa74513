import Diagnostics
import Synchronization

/// Memory that encoding uses again and again.
struct EncodingWorkspace: Sendable {
  /// The ids of pieces seen before. Most words of a text have been.
  var cache = PieceCache()
  /// Merging, on short pieces.
  var symbols: [Int32] = []
  var merges: [UInt64] = []
  /// Merging, on long ones.
  var linked = LinkedSymbols()
  /// The best way to each position of a piece, for Unigram.
  var lattice: [Unigram.Node] = []
}

/// The ids of short pieces, as many as fit; then it starts anew.
struct PieceCache: Sendable {
  /// Longer pieces hardly ever come again.
  static let longestPiece = 256
  private static let pieceLimit = 1 << 16

  private var pieces = ByteStringTable()
  private var ids: [Int] = []
  private var ends: [Int] = []

  /// Appends the ids of a piece and returns true, if they are here.
  func append(_ piece: Span<UInt8>, to output: inout [Int]) -> Bool {
    guard let index = pieces.find(piece) else { return false }
    output.append(contentsOf: ids[(index == 0 ? 0 : ends[index - 1])..<ends[index]])
    return true
  }

  /// Remembers the ids of a piece that is not here yet.
  mutating func insert(_ piece: Span<UInt8>, _ pieceIDs: ArraySlice<Int>) {
    if pieces.count >= Self.pieceLimit {
      pieces.removeAll()
      ids.removeAll(keepingCapacity: true)
      ends.removeAll(keepingCapacity: true)
    }
    guard pieces.insert(piece).isNew else { return }
    ids.append(contentsOf: pieceIDs)
    ends.append(ids.count)
  }
}

extension EncodingWorkspace {
  /// Appends the ids of a piece, from the cache or by `encode`, whose result is then remembered.
  mutating func appendCached(
    _ piece: Span<UInt8>, to ids: inout [Int],
    _ encode: (Span<UInt8>, inout [Int], inout EncodingWorkspace) throws(InputError) -> Void
  ) throws(InputError) {
    guard piece.count <= PieceCache.longestPiece else { return try encode(piece, &ids, &self) }
    if cache.append(piece, to: &ids) { return }
    let start = ids.count
    try encode(piece, &ids, &self)
    cache.insert(piece, ids[start...])
  }
}

/// Lends a workspace to each encoding, so that those at work at the same time share none, and
/// later ones find what earlier ones have learned.
final class WorkspacePool: Sendable {
  private let idle = Mutex<[EncodingWorkspace]>([])

  func take() -> EncodingWorkspace {
    idle.withLock { $0.popLast() } ?? EncodingWorkspace()
  }

  func giveBack(_ workspace: consuming EncodingWorkspace) {
    let workspace = workspace
    idle.withLock { $0.append(workspace) }
  }
}
