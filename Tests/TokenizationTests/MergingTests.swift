import Foundation
import JSONText
import TestSupport
import Testing
import Tokenization

/// Long pieces: merging with a heap and cutting where no merge reaches must give what the
/// definition gives.
@Suite struct MergingTests {
  @Test(arguments: [1, 2, 3, 4, 5, 6] as [UInt64])
  func agreesWithTheDefinition(seed: UInt64) throws {
    var random = SeededGenerator(seed: seed)
    let letters = ["a", "b", "c", "\u{e9}", "\u{2581}"]
    var tokens = letters
    var merges: [(String, String)] = []
    while merges.count < 40 {
      let pair = (
        tokens[random.below(tokens.count)],
        tokens[random.below(tokens.count)]
      )
      // Few pairs with the last letter first, so that there are boundaries.
      if pair.0.hasSuffix("a") && pair.1.hasPrefix("\u{2581}") { continue }
      merges.append(pair)
      if !tokens.contains(pair.0 + pair.1) { tokens.append(pair.0 + pair.1) }
    }
    let file: JSONValue = [
      "model": [
        "type": "BPE", "unk_token": "<unk>", "fuse_unk": .bool(seed % 2 == 0),
        "vocab": .object(
          (tokens + ["<unk>"]).enumerated().map { .init($0.element, .init($0.offset)) }),
        "merges": .array(merges.map { .array([.string($0.0), .string($0.1)]) }),
      ]
    ]
    let tokenizer = try TinyTokenizer.tokenizer(file)
    var ranks: [[Int]: (rank: Int, merged: Int)] = [:]
    func id(_ token: String) -> Int { tokens.firstIndex(of: token) ?? tokens.count }
    for (rank, merge) in merges.enumerated() {
      ranks[[id(merge.0), id(merge.1)]] = (rank, id(merge.0 + merge.1))
    }
    for length in [1, 2, 7, 30, 32, 33, 34, 64, 100, 300, 700] {
      for _ in 0..<8 {
        let text = (0..<length).map { _ in
          random.below(20) == 0 ? "?" : letters[random.below(letters.count)]
        }
        var symbols: [Int] = []
        for letter in text {
          let isFused = letter == "?" && seed % 2 == 0 && symbols.last == tokens.count
          if !isFused { symbols.append(id(letter)) }
        }
        while true {
          let best = symbols.indices.dropLast()
            .compactMap { position in
              ranks[[symbols[position], symbols[position + 1]]].map { ($0, position) }
            }
            .min { $0.0.rank < $1.0.rank }
          guard let (merge, position) = best else { break }
          symbols.replaceSubrange(position...(position + 1), with: [merge.merged])
        }
        #expect(
          try tokenizer.encode(text.joined(), addingSpecialTokens: false) == symbols,
          "\(text.joined())")
      }
    }
  }

  /// A megabyte of one piece that no boundary cuts: minutes, if it were quadratic.
  @Test(.timeLimit(.minutes(1)))
  func mergesLongPiecesInReasonableTime() throws {
    let tokenizer = try TinyTokenizer.with("pre_tokenizer", nil)
    let count = 1 << 20
    let ids = try tokenizer.encode(
      String(repeating: "ab", count: count / 2), addingSpecialTokens: false)
    #expect(ids == Array(repeating: 5, count: count / 4))
    let unknown = try tokenizer.encode(
      String(repeating: "?!", count: count / 2), addingSpecialTokens: false)
    #expect(unknown.everySatisfies { $0 == 0 })
  }
}
