import Diagnostics
import JSONText

/// A token that is found in the text as it stands, before any model sees it.
struct AddedToken: Sendable {
  /// The id in the file. It is a note for the reader only: see ``AddedTokens``.
  let writtenID: Int?
  let content: [UInt8]
  /// Whether decoding may leave it out.
  let isSpecial: Bool
  /// Whether it is searched in the normalized text, and is normalized itself.
  let isNormalized: Bool
  /// Whether it counts only where no word goes on before or after it.
  let isSingleWord: Bool
  /// Whether the blanks before it belong to it.
  let stripsLeft: Bool
  /// Whether the blanks after it belong to it.
  let stripsRight: Bool

  init(reading reader: JSONReader) throws(InputError) {
    writtenID = try reader.optional("id")?.int()
    content = Array(try reader.required("content").string().utf8)
    isSpecial = try reader.optional("special")?.bool() ?? false
    isNormalized = try reader.optional("normalized")?.bool() ?? !isSpecial
    isSingleWord = try reader.optional("single_word")?.bool() ?? false
    stripsLeft = try reader.optional("lstrip")?.bool() ?? false
    stripsRight = try reader.optional("rstrip")?.bool() ?? false
  }
}
