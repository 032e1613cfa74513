import Diagnostics
import JSONText

/// The unigram model: of all ways to cut a piece into tokens, the one with the highest sum of
/// scores.
struct Unigram: TokenModel {
  let vocabulary: Vocabulary
  /// All tokens that are not empty, by their ids.
  private let tokens: ByteTrie
  /// By id.
  private let scores: [Double]
  /// The score of a character that is no token: less than any.
  private let unknownScore: Double
  private let unknown: Int?
  private let byteTokens: [Int32?]?

  /// The best way to a position of a piece.
  struct Node: Sendable {
    var score = 0.0
    /// Where the last token on the way begins; -1 if no way is known.
    var start: Int32 = -1
    /// The last token; -1 for a character that is none.
    var token: Int32 = -1
  }

  /// Reads a model of type `Unigram`.
  init(_ file: ModelFile) throws(InputError) {
    guard let scores = file.scores else {
      throw InputError(
        .malformed, place: "model.vocab", "found no list, expected tokens with scores")
    }
    var vocabulary = Vocabulary()
    var tokens = ByteTrie()
    for (id, token) in file.tokens.enumerated() {
      _ = try vocabulary.insert(token, id: id)
      if !token.isEmpty { tokens.insert(token, number: id) }
    }
    self.vocabulary = vocabulary
    self.tokens = tokens
    self.scores = scores
    unknownScore = (scores.min() ?? 0) - 10
    unknown =
      if let setting = try file.settings.optional("unk_id"), !scores.isEmpty {
        try setting.int(in: 0...(scores.count - 1))
      } else {
        nil
      }
    let fallsBack = try file.settings.optional("byte_fallback")?.bool() ?? false
    byteTokens = fallsBack ? vocabulary.byteTokens : nil
  }

  func encode(
    _ piece: Span<UInt8>, to ids: inout [Int], _ workspace: inout EncodingWorkspace
  ) throws(InputError) {
    try workspace.appendCached(piece, to: &ids) { (piece, ids, workspace) throws(InputError) in
      findBestWay(through: piece, &workspace.lattice)
      var parts: [(range: Range<Int>, token: Int32)] = []
      var end = piece.count
      while end > 0 {
        let node = workspace.lattice[end]
        let start = Int(node.start)
        let isUnknown = node.token < 0 || Int(node.token) == unknown
        if isUnknown, let last = parts.last, last.token < 0 {
          // Neighbours that are no tokens make one stretch.
          parts[parts.count - 1].range = start..<last.range.upperBound
        } else {
          parts.append((start..<end, isUnknown ? -1 : node.token))
        }
        end = start
      }
      for part in parts.reversed() {
        if part.token >= 0 {
          ids.append(Int(part.token))
        } else {
          try appendUnknown(piece.extracting(part.range), to: &ids)
        }
      }
    }
  }

  /// Viterbi: fills `nodes` for all positions. Of equal ways the one found first stays.
  private func findBestWay(through piece: Span<UInt8>, _ nodes: inout [Node]) {
    nodes.removeAll(keepingCapacity: true)
    for _ in 0...piece.count { nodes.append(Node()) }
    nodes[0].start = 0
    var start = 0
    while start < piece.count {
      let score = nodes[start].score
      let next = piece.scalar(at: start).next
      var hasSingle = false
      var end = start
      var node = ByteTrie.root
      func offer(_ offered: Double, _ token: Int32, _ end: Int) {
        if nodes[end].start < 0 || offered > nodes[end].score {
          nodes[end] = Node(score: offered, start: Int32(start), token: token)
        }
      }
      while end < piece.count, let child = tokens.child(of: node, piece[end]) {
        end += 1
        node = child
        guard let token = tokens.number(at: node) else { continue }
        offer(scores[token] + score, Int32(token), end)
        if end == next { hasSingle = true }
      }
      if !hasSingle { offer(unknownScore + score, -1, next) }
      start = next
    }
  }

  private func appendUnknown(_ text: Span<UInt8>, to ids: inout [Int]) throws(InputError) {
    if let id = vocabulary.id(of: text) {
      ids.append(id)
      return
    }
    if let byteTokens {
      let start = ids.count
      for index in 0..<text.count {
        guard let token = byteTokens[Int(text[index])] else { break }
        ids.append(Int(token))
      }
      if ids.count == start + text.count { return }
      ids.removeSubrange(start...)
    }
    guard let unknown else {
      throw InputError(
        .missing, place: "model.unk_id",
        "the text has \(text.withUnsafeBufferPointer { quoted($0) }), for which there is no token")
    }
    ids.append(unknown)
  }
}
