internal import CKernels
import Compute
import Recordings

/// Neighbouring queries and neighbouring keys, by their positions in the sequence: a rectangle of scores.
struct AttentionPiece {
  var firstQuery: Int
  var queries: Int
  var firstKey: Int
  var keys: Int

  /// - Parameter slopes: Those of the heads of one group, if there are any.
  func settings(_ shape: AttentionShape, slopes: UnsafePointer<Float>? = nil) -> ck_piece {
    var piece = ck_piece(
      queries: queries, heads: shape.headsOfGroup, columns: keys, first_query: firstQuery,
      first_key: firstKey, window: 0, chunk: 0, scale: shape.scale, cap: shape.cap ?? 0,
      slopes: slopes)
    switch shape.visible {
    case .all: break
    case .window(let count): piece.window = count
    case .chunk(let count): piece.chunk = count
    }
    return piece
  }
}

/// Neighbouring queries, and the pieces that together hold all keys that they see.
struct AttentionTile {
  var firstQuery: Int
  var queries: Int
  var pieces: [AttentionPiece]

  /// Keys of a piece at most. With the rows of a tile, scores and their gradients in f32 and in the compute
  /// type stay in a core's second-level cache.
  static let keysOfPiece = 256

  /// Queries of a tile: with all heads of a group some 256 rows, for which products run at their full rate.
  static func queriesOfTile(_ shape: AttentionShape) -> Int {
    max(256 / shape.headsOfGroup / 16 * 16, 16)
  }

  /// The tiles of a sequence whose keys are its own.
  ///
  /// Before a tile's first query, pieces hold all of its queries. From there on each half of the queries has
  /// a piece of its own, so that less of what no query may see is computed.
  static func tiles(tokens: Int, shape: AttentionShape) -> [AttentionTile] {
    tiles(tokens: tokens, offset: 0, shape: shape) { tile in
      let (first, end) = (tile.firstQuery, tile.firstQuery + tile.queries)
      var pieces = pieces(of: tile, firstKey: firstKey(of: tile, shape), end: first)
      let half = max(queriesOfTile(shape) / 2, 1)
      for query in stride(from: first, to: end, by: half) {
        let queries = min(half, end - query)
        pieces.append(
          AttentionPiece(
            firstQuery: query, queries: queries, firstKey: first, keys: query + queries - first))
      }
      return pieces
    }
  }

  /// The tiles of a sequence of which `offset` tokens came before. Every piece has ``keysOfPiece`` keys, also
  /// such as are not there yet, so that the same products serve whatever the offset.
  static func tilesOnCache(tokens: Int, offset: Int, shape: AttentionShape) -> [AttentionTile] {
    tiles(tokens: tokens, offset: offset, shape: shape) { tile in
      let end = (tile.firstQuery + tile.queries + keysOfPiece - 1) / keysOfPiece * keysOfPiece
      return pieces(of: tile, firstKey: firstKey(of: tile, shape), end: end)
    }
  }

  private static func tiles(
    tokens: Int, offset: Int, shape: AttentionShape, pieces: (AttentionTile) -> [AttentionPiece]
  ) -> [AttentionTile] {
    let queries = queriesOfTile(shape)
    return stride(from: 0, to: tokens, by: queries).map { first in
      var tile = AttentionTile(
        firstQuery: offset + first, queries: min(queries, tokens - first), pieces: [])
      tile.pieces = pieces(tile)
      return tile
    }
  }

  /// The first key that the tile's first query sees, or some before it: pieces begin at few positions, so
  /// that few different products are prepared.
  private static func firstKey(of tile: AttentionTile, _ shape: AttentionShape) -> Int {
    shape.visible.first(query: tile.firstQuery) / keysOfPiece * keysOfPiece
  }

  private static func pieces(
    of tile: AttentionTile, firstKey: Int, end: Int
  ) -> [AttentionPiece] {
    stride(from: firstKey, to: end, by: keysOfPiece).map { key in
      AttentionPiece(
        firstQuery: tile.firstQuery, queries: tile.queries, firstKey: key,
        keys: min(keysOfPiece, end - key))
    }
  }
}
