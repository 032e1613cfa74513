import Foundation
import JSONText
import TestSupport
import Testing
import Tokenization

/// Whole tokenizers against the ids and texts of the reference.
@Suite struct TokenizerOracleTests {
  @Test(arguments: Oracles.tokenizers)
  func encodesAndDecodesTexts(name: String) throws {
    let tokenizer = try Oracles.tokenizer(name)
    let cases = try Oracles.list("\(name)/cases.json")
    #expect(cases.count > 50)
    for element in cases {
      let title = try element.required("name").string()
      let text = try element.required("text").string()
      let ids = try tokenizer.encode(text, addingSpecialTokens: false)
      let withSpecial = try tokenizer.encode(text, addingSpecialTokens: true)
      #expect(try ids == element.ids("ids"), "\(title): \(visible(text))")
      #expect(try withSpecial == element.ids("ids_with_special"), "\(title): \(visible(text))")
      let decoded = tokenizer.decode(ids, skippingSpecialTokens: false)
      #expect(
        try visible(decoded) == visible(element.required("decoded").string()),
        "\(title): \(visible(text))")
      if let expected = try element.optional("decoded_skip_special") {
        let decoded = tokenizer.decode(withSpecial, skippingSpecialTokens: true)
        #expect(
          try visible(decoded) == visible(expected.string()), "\(title): \(visible(text))")
      }
    }
  }

  @Test(arguments: Oracles.tokenizers)
  func decodesArbitraryIDs(name: String) throws {
    let tokenizer = try Oracles.tokenizer(name)
    let cases = try Oracles.list("\(name)/decode_cases.json")
    #expect(cases.count > 5)
    for element in cases {
      let title = try element.required("name").string()
      let ids = try element.ids("ids")
      let decoded = tokenizer.decode(ids, skippingSpecialTokens: false)
      #expect(
        try visible(decoded) == visible(element.required("decoded").string()), "\(title): \(ids)")
      if let expected = try element.optional("decoded_skip_special") {
        let decoded = tokenizer.decode(ids, skippingSpecialTokens: true)
        #expect(try visible(decoded) == visible(expected.string()), "\(title): \(ids)")
      }
    }
  }

  /// A whole book: what short texts miss, and whether long ones take reasonable time.
  @Test(arguments: Oracles.tokenizers)
  func encodesABook(name: String) throws {
    let digests = try JSONReader(
      JSONValue.parse(contentsOf: Oracles.folder.appending(path: "digests.json")))
    let digest = try digests.required("tokenizers").required(name)
    let text = String(
      decoding: try Data(contentsOf: Fixtures.examples.appending(path: "data/evaluation.txt")),
      as: UTF8.self)
    #expect(try text.utf8.count == digests.required("utf8_bytes").int())
    let tokenizer = try Oracles.tokenizer(name)
    let ids = try tokenizer.encode(text, addingSpecialTokens: false)
    #expect(try ids.count == digest.required("count").int())
    #expect(try Array(ids.prefix(16)) == digest.ids("first"))
    #expect(try Array(ids.suffix(16)) == digest.ids("last"))
    var hash: UInt64 = 0xCBF2_9CE4_8422_2325
    for id in ids {
      for shift in stride(from: 0, through: 24, by: 8) {
        hash = (hash ^ UInt64(id >> shift & 0xFF)) &* 0x100_0000_01B3
      }
    }
    let expected = try digest.required("fnv1a64").string()
    #expect(UInt64(expected, radix: 16) == hash)
  }
}
