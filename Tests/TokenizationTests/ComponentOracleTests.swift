import Diagnostics
import JSONText
import Testing
import Tokenization

/// Single components against the reference.
///
/// Rows for components that no language model uses are marked as optional; they are either met,
/// or listed here as left out.
@Suite struct ComponentOracleTests {
  @Test func normalizers() throws {
    let skipped = try check("normalizers", "normalizer") { component, element in
      let text = try element.required("text").string()
      let result = try Components.normalize(text, with: component)
      let expected = try element.required("normalized").string()
      #expect(visible(result) == visible(expected), "\(component.text()): \(visible(text))")
    }
    #expect(skipped == ["Replace", "BertNormalizer", "BertNormalizer"])
  }

  @Test func preTokenizers() throws {
    let skipped = try check("pretokenizers", "pre_tokenizer") { component, element in
      let text = try element.required("text").string()
      let result = try Components.cut(text, with: component)
      let expected = try element.strings("pieces")
      #expect(
        result.map(visible) == expected.map(visible), "\(component.text()): \(visible(text))")
    }
    #expect(
      skipped == Array(repeating: "Split", count: 5) + [
        "BertPreTokenizer", "CharDelimiterSplit", "FixedLength", "UnicodeScripts",
      ])
  }

  @Test func decoders() throws {
    let skipped = try check("decoders", "decoder") { component, element in
      let tokens = try element.strings("tokens")
      let result = try Components.decode(tokens, with: component)
      let expected = try element.required("decoded").string()
      #expect(visible(result) == visible(expected), "\(component.text()): \(tokens)")
    }
    #expect(skipped == ["WordPiece", "CTC"])
  }

  @Test func models() throws {
    var skipped: [String] = []
    for row in try Oracles.list("components/models.json") {
      let title = try row.required("title").string()
      let file = try row.required("tokenizer").value.text()
      guard let tokenizer = try supported({ try Tokenizer(Array(file.utf8)) }) else {
        #expect(try row.optional("optional") != nil, "\(title)")
        skipped.append(title)
        continue
      }
      for element in try row.required("cases").elements() {
        let text = try element.required("text").string()
        let ids = try tokenizer.encode(text, addingSpecialTokens: false)
        #expect(try ids == element.ids("ids"), "\(title): \(visible(text))")
        #expect(
          try tokenizer.encode(text, addingSpecialTokens: true)
            == element.ids("ids_with_special"), "\(title): \(visible(text))")
        let decoded = tokenizer.decode(ids, skippingSpecialTokens: false)
        let expected = try element.required("decoded").string()
        #expect(visible(decoded) == visible(expected), "\(title): \(visible(text))")
      }
    }
    #expect(skipped == ["word level", "word piece"])
  }

  /// Runs all cases of all rows; returns the types of optional rows that are refused, or that the
  /// documentation of regular expressions names as different.
  private func check(
    _ file: String, _ key: String, _ body: (JSONValue, JSONReader) throws -> Void
  ) throws -> [String] {
    var skipped: [String] = []
    for row in try Oracles.list("components/\(file).json") {
      let component = try row.required(key)
      let cases = try row.required("cases").elements()
      let pattern = try component.optional("pattern")?.optional("Regex")?.string()
      var checked: Void?
      if pattern != #"\w+"#, pattern != "^" {
        checked = try supported { for element in cases { try body(component.value, element) } }
      }
      if checked == nil {
        let type = try component.required("type").string()
        #expect(try row.optional("optional") != nil, "\(type)")
        skipped.append(type)
      }
    }
    return skipped
  }

  /// The result of `body`, or nil if it met a component that is not supported.
  private func supported<Result>(_ body: () throws -> Result) throws -> Result? {
    do {
      return try body()
    } catch let error as InputError where error.code == .unsupported {
      return nil
    }
  }
}
