import Diagnostics
import JSONText

/// The merges of a tokenizer that has scores alone: of all neighbours that make a token those with the highest score are merged
/// first, so that every way to make a token of two others is a merge, in the order of scores.
struct ScoredMerges {
  /// The halves of all merges, in order of rank.
  let merges: [JSONValue]

  /// The most merges that are made: no published vocabulary has nearly as many.
  private static let limit = 1 << 24

  init(_ tokens: [String], _ types: [TokenList.Kind], _ scores: [Float]) throws(InputError) {
    // By bytes: strings are equal that have other scalars for the same characters.
    let texts = tokens.map { Array($0.utf8) }
    var ids: [ArraySlice<UInt8>: Int] = [:]
    for (id, text) in texts.enumerated() where types[id] == .normal { ids[text[...]] = id }
    // Halves are looked up where both could be tokens: hashing all of a long one is work that grows as its square.
    let sizes = Set(ids.keys.map(\.count))
    var found: [(score: Float, id: Int, first: Int, second: Int)] = []
    for (id, text) in texts.enumerated() where types[id] == .normal {
      for place in text.indices.dropFirst() where text[place] & 0xC0 != 0x80 {
        guard sizes.contains(place), sizes.contains(text.count - place) else { continue }
        guard let first = ids[text[..<place]], let second = ids[text[place...]] else { continue }
        found.append((scores[id], id, first, second))
      }
      guard found.count <= Self.limit else {
        throw InputError(
          .unsupported, place: "key 'tokenizer.ggml.tokens'",
          "has tokens that can be made in more than \(Self.limit) ways")
      }
    }
    found.sort { ($1.score, $0.id, $0.first) < ($0.score, $1.id, $1.first) }
    merges = found.map { [.string(tokens[$0.first]), .string(tokens[$0.second])] }
  }
}
