import Foundation
import Reporting
import Testing

/// What of a source's README.md goes into that of a quantized copy.
@Suite struct SourceCardTests {
  @Test(arguments: [
    ("---\nlicense: mit\ntags: [a]\n---\n", ["license: mit"]),
    ("---\r\nlicense: mit\r\nlanguage:\r\n- en\r\n---\r\n", ["license: mit", "language:", "- en"]),
    ("---\nlicense: mit\n--- x\n- y\n---\n", ["license: mit"]),
    ("---\nlicense: mit\n...\n- y\n---\n", ["license: mit"]),
    ("---\nlicense: mit\u{2028}tags: [a]\n---\n", ["license: mit"]),
    ("---\nlicense: mit\n", []), ("license: mit\n", []), ("", []),
  ])
  func keepsWhatHoldsForACopy(_ text: String, _ lines: [String]) {
    #expect(SourceCard.frontMatter(Data(text.utf8)) == lines)
  }

  /// The text behind the front matter is cut after 64 KiB, here in the middle of a character.
  @Test(arguments: 0..<4)
  func readsLongFiles(_ shift: Int) {
    let text =
      "---\nlicense: mit\n---\n" + String(repeating: " ", count: shift)
      + String(repeating: "\u{1F600}", count: 20_000)
    #expect(SourceCard.frontMatter(Data(text.utf8)) == ["license: mit"])
  }
}
