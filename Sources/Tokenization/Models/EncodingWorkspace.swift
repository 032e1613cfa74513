import Diagnostics
import Synchronization

/// Memory that encoding uses again and again.
struct EncodingWorkspace: Sendable {
  /// The ids of short pieces seen before, as many as fit; then it starts anew. Most words of a text
  /// have been seen.
  private var cache: [[UInt8]: [Int]] = [:]
  /// The symbols of a piece that are to be merged.
  var symbols: [Int32] = []
  var linked = LinkedSymbols()
  /// The best way to each position of a piece, for Unigram.
  var lattice: [Unigram.Node] = []

  /// Longer pieces hardly ever come again.
  private static let longestCachedPiece = 256
  private static let cacheLimit = 1 << 16

  /// Appends the ids of a piece, from the cache or by `encode`, whose result is then remembered.
  mutating func appendCached(
    _ piece: Span<UInt8>, to ids: inout [Int],
    _ encode: (Span<UInt8>, inout [Int], inout EncodingWorkspace) throws(InputError) -> Void
  ) throws(InputError) {
    guard piece.count <= Self.longestCachedPiece else { return try encode(piece, &ids, &self) }
    let key = Array(piece)
    if let known = cache[key] {
      ids += known
      return
    }
    let start = ids.count
    try encode(piece, &ids, &self)
    if cache.count >= Self.cacheLimit { cache.removeAll(keepingCapacity: true) }
    cache[key] = Array(ids[start...])
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
