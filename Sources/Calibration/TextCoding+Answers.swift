import ChatTemplates
import Diagnostics
import JSONText

extension TextCoding {
  /// Which tokens of a conversation the model has said, with the token that ends an answer.
  ///
  /// An answer begins where the template ends that is asked for one, and ends where the conversation up to it does. Some
  /// templates make another text of a beginning than of the whole, such as those that leave out old reasoning: there an
  /// answer is where the text of its message is.
  ///
  /// - Parameters:
  ///   - rendered: The text of the conversation, and `ids` those of the text.
  ///   - limit: Tokens that matter; answers that begin behind them are not looked for.
  func answers(
    in conversation: Conversation, text rendered: String, _ ids: [Int], limit: Int
  ) throws -> [Bool] {
    let text = Array(rendered.utf8)
    var isAnswer = Array(repeating: false, count: ids.count)
    /// Tokens of a beginning of the text that are those of the whole.
    func tokenCount(before place: Int) throws -> Int {
      guard place < text.count else { return ids.count }
      let beginning = try encodeRendered(String(decoding: text[..<place], as: UTF8.self))
      return zip(beginning, ids).prefix { $0 == $1 }.count
    }
    var cursor = 0
    for (index, message) in conversation.messages.enumerated()
    where message["role"]?.stringValue == "assistant" {
      guard let place = answer(index, of: conversation, in: text, from: cursor) else { continue }
      cursor = place.upperBound
      let first = try tokenCount(before: place.lowerBound)
      guard first < limit else { break }
      for token in first..<max(first, try tokenCount(before: place.upperBound)) {
        isAnswer[token] = true
      }
    }
    return isAnswer
  }

  /// Where in the text the message with this number is.
  private func answer(
    _ index: Int, of conversation: Conversation, in text: [UInt8], from cursor: Int
  ) -> Range<Int>? {
    func bytes(_ count: Int, addsPrompt: Bool) -> [UInt8]? {
      var beginning = conversation
      beginning.messages = Array(conversation.messages[..<count])
      // A template may refuse a beginning, such as none at all, of what it takes as a whole.
      return (try? render(beginning, addsPrompt)).map { Array($0.utf8) }
    }
    if let before = bytes(index, addsPrompt: true), text.starts(with: before),
      let through = bytes(index + 1, addsPrompt: false), text.starts(with: through),
      cursor <= before.count, before.count < through.count
    {
      return before.count..<through.count
    }
    guard case .string(let content)? = conversation.messages[index]["content"] else { return nil }
    let isSpace = { (byte: UInt8) in byte <= UInt8(ascii: " ") }
    let said = content.utf8.drop(while: isSpace).reversed().drop(while: isSpace).reversed()
    guard !said.isEmpty, let place = text[cursor...].firstRange(of: Array(said)) else { return nil }
    return place
  }
}
