/// Decodes tokens one by one as they are generated.
///
/// A token can end in the middle of a character. Then its text is held back until the tokens that
/// complete the character have come.
///
/// ```swift
/// var decoder = StreamingDecoder(tokenizer, skippingSpecialTokens: true)
/// for id in generated { print(decoder.append(id), terminator: "") }
/// print(decoder.finish())
/// ```
public struct StreamingDecoder: Sendable {
  private let tokenizer: Tokenizer
  private let skipsSpecialTokens: Bool
  /// Tokens whose text is out already. Those after them are decoded together with them, since the
  /// first token of a text can be decoded differently.
  private var context: [Int] = []
  /// Tokens whose text is held back.
  private var held: [Int] = []

  /// Starts at the beginning of a text, or after tokens that are not to be put out again.
  public init(
    _ tokenizer: Tokenizer, after prompt: [Int] = [], skippingSpecialTokens: Bool
  ) {
    self.tokenizer = tokenizer
    context = prompt
    skipsSpecialTokens = skippingSpecialTokens
  }

  /// The text that is complete with this token; empty if none is.
  public mutating func append(_ id: Int) -> String {
    held.append(id)
    let text = heldText
    if text.isEmpty || text.utf8.suffix(3).elementsEqual("\u{FFFD}".utf8) { return "" }
    context = held
    held = []
    return text
  }

  /// What is still held back at the end, incomplete as it is.
  public mutating func finish() -> String {
    guard !held.isEmpty else { return "" }
    let text = heldText
    context = held
    held = []
    return text
  }

  private var heldText: String {
    let before = Array(decode(context).utf8)
    let all = Array(decode(context + held).utf8)
    // What is out cannot be taken back, even if it turns out to belong to broken bytes.
    guard all.starts(with: before) else { return decode(held) }
    return String(decoding: all[before.count...], as: UTF8.self)
  }

  private func decode(_ ids: [Int]) -> String {
    tokenizer.decode(ids, skippingSpecialTokens: skipsSpecialTokens)
  }
}
