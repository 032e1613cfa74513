import Diagnostics
import Foundation
import JSONText

/// What tokenizer_config.json says about the roles of tokens.
///
/// Its settings about adding tokens have no effect beside a tokenizer.json, whose post-processor
/// decides.
struct TokenizerConfiguration {
  var beginningOfText: String?
  var endOfText: String?
  var padding: String?
  var unknown: String?

  init() {}

  init(_ value: JSONValue) throws(InputError) {
    let root = JSONReader(value)
    beginningOfText = try Self.token(root, "bos_token")
    endOfText = try Self.token(root, "eos_token")
    padding = try Self.token(root, "pad_token")
    unknown = try Self.token(root, "unk_token")
  }

  /// A string, or an object with the string as its `content`.
  private static func token(_ root: JSONReader, _ key: String) throws(InputError) -> String? {
    guard let token = try root.optional(key) else { return nil }
    if let text = token.value.stringValue { return text }
    return try token.required("content").string()
  }
}
