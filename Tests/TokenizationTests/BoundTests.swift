import Diagnostics
import JSONText
import TestSupport
import Testing
import Tokenization

/// Files that ask for time or memory without bound.
@Suite struct BoundTests {
  private static let endless: JSONValue = ["Regex": "(a+)+$"]
  private static let text = String(repeating: "a", count: 40) + "b"
  /// Twice as long with every step.
  private static let doublings: JSONValue = .array(
    Array(
      repeating: ["type": "Replace", "pattern": ["String": "a"], "content": "aa"] as JSONValue,
      count: 40))

  @Test(arguments: [("pre_tokenizer", "Split"), ("normalizer", "Replace")])
  func aPatternThatTakesTooLongIsRefused(_ part: String, _ type: String) throws {
    let tokenizer = try TinyTokenizer.with(
      part,
      [
        "type": .string(type), "pattern": Self.endless, "behavior": "Isolated", "content": "",
      ])
    let start = ContinuousClock.now
    expectInputError(.unsupported, mentioning: ["'(a+)+$'", "too long", "41 characters"]) {
      _ = try tokenizer.encode(Self.text, addingSpecialTokens: false)
    }
    #expect(ContinuousClock.now - start < .seconds(5))
    #expect(try tokenizer.encode("ab", addingSpecialTokens: false).isEmpty == false)
  }

  /// What real patterns take is far below the limit, on any length of text.
  @Test func aPatternOfALongTextIsMatched() throws {
    let tokenizer = try TinyTokenizer.with(
      "pre_tokenizer",
      [
        "type": "Split", "behavior": "Isolated", "invert": false,
        "pattern": [
          "Regex":
            #"(?i:'s|'t|'re)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,4}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s+(?!\S)|\s+"#
        ],
      ])
    let text = String(repeating: "ab abab, 1234 ", count: 30_000)
    let ids = try tokenizer.encode(text, addingSpecialTokens: false)
    #expect(ids.count > 30_000)
    #expect(
      ids == Array(repeating: Array(ids.prefix(ids.count / 30_000)), count: 30_000).flatMap(\.self))
  }

  @Test func aTextThatGrowsWithoutEndIsRefused() throws {
    let tokenizer = try TinyTokenizer.with(
      "normalizer", ["type": "Sequence", "normalizers": Self.doublings])
    expectInputError(.unsupported, mentioning: ["normalizer", "bytes of a text"]) {
      _ = try tokenizer.encode("a", addingSpecialTokens: false)
    }
    let long: JSONValue = [
      "type": "Replace", "pattern": ["String": ""],
      "content": .string(String(repeating: "b", count: 100_000)),
    ]
    expectInputError(.unsupported, mentioning: ["normalizer", "bytes of a text"]) {
      _ = try TinyTokenizer.with("normalizer", long).encode(
        String(repeating: "a", count: 100_000), addingSpecialTokens: false)
    }
  }

  @Test func aDecodedTextStaysWithinBounds() throws {
    let grown = try TinyTokenizer.with(
      "decoder", ["type": "Sequence", "decoders": Self.doublings]
    ).decode([1], skippingSpecialTokens: false)
    #expect(grown.utf8.count == 1 << 20)
    let plain = try TinyTokenizer.with(
      "decoder", ["type": "Replace", "pattern": Self.endless, "content": "x"])
    #expect(plain.decode([4], skippingSpecialTokens: false) == "ab")
  }

  /// The ids in the file do not count, however large.
  @Test(arguments: ["9223372036854775807", "-1"])
  func aHugeIDIsRemarked(_ id: String) throws {
    let tokenizer = try TinyTokenizer.with(
      "added_tokens", [["id": .number(id), "content": "<s>", "special": true]])
    #expect(tokenizer.id(ofToken: "<s>") == 7)
    #expect(tokenizer.remarks.contains { $0.contains(id) })
  }

  @Test(arguments: ["9223372036854775808", "1e300"])
  func anIDThatIsNoIntegerIsRefused(_ id: String) {
    expectInputError(.invalidValue, mentioning: ["added_tokens[0].id"]) {
      _ = try TinyTokenizer.with(
        "added_tokens", [["id": .number(id), "content": "<s>", "special": true]])
    }
  }
}
