import Diagnostics

/// Byte-pair encoding: a piece is taken apart into its characters, and neighbours are merged, by
/// the rank of the pair in a table, until no neighbours are in the table.
struct BytePairEncoding: TokenModel {
  let vocabulary: Vocabulary
  /// How a piece is taken apart.
  let symbols: SymbolTable
  let merges: MergeTable
  /// The whole tokens that a piece is compared with before any merging, if the model does that.
  let wholePieces: Vocabulary?
  /// Where a long piece can be cut without a difference, if that can be told.
  let boundaries: MergeBoundaries?

  /// Pieces of up to so many bytes are not searched for boundaries.
  private static let uncutLength = 24

  func encode(
    _ piece: Span<UInt8>, to ids: inout [Int], _ workspace: inout EncodingWorkspace
  ) throws(InputError) {
    if let id = wholePieces?.id(of: piece) {
      ids.append(id)
      return
    }
    // Without a pre-tokenizer a whole document is one piece. Most words in it are merged on their
    // own all the same, and have been seen before.
    let boundaries = piece.count > Self.uncutLength ? boundaries : nil
    var start = 0
    while start < piece.count {
      let end = boundaries?.next(after: start, in: piece) ?? piece.count
      let part = piece.extracting(start..<end)
      try workspace.appendCached(part, to: &ids) { part, ids, workspace in
        workspace.symbols.removeAll(keepingCapacity: true)
        symbols.append(part, to: &workspace.symbols)
        merges.merge(&workspace.symbols, &workspace.linked)
        for symbol in workspace.symbols { ids.append(Int(symbol)) }
      }
      start = end
    }
  }
}
