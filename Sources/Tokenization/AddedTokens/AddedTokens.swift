import Diagnostics
import JSONText

/// The `added_tokens` of tokenizer.json, with the ids that they really have.
///
/// The ids in the file do not count. A token that the model has keeps the model's id; the others
/// follow the model's tokens, in the order of the file.
struct AddedTokens: Sendable {
  /// Those that are searched in the text as it is given.
  let plain: AddedTokenSearch
  /// Those that are searched in the normalized stretches between the plain ones.
  let normalized: AddedTokenSearch
  /// The number of tokens that the model does not have.
  let newCount: Int
  /// What a user may want to know about the file.
  let remarks: [String]

  private let ids: [[UInt8]: Int]
  private let texts: [Int: [UInt8]]
  private let special: Set<Int>

  init(
    reading reader: JSONReader?, vocabulary: Vocabulary, normalizers: [any Normalizer]
  ) throws(InputError) {
    var ids: [[UInt8]: Int] = [:]
    var texts: [Int: [UInt8]] = [:]
    var special: Set<Int> = []
    var remarks: [String] = []
    var newCount = 0
    var tokens: [(token: AddedToken, id: Int, pattern: [UInt8])] = []
    for element in try reader?.elements() ?? [] {
      let token = try AddedToken(reading: element)
      guard !token.content.isEmpty, ids[token.content] == nil else { continue }
      let id: Int
      if let known = vocabulary.id(of: token.content) {
        id = known
      } else {
        id = vocabulary.count + newCount
        newCount += 1
        guard vocabulary.token(id) == nil else {
          throw InputError(
            .malformed, place: element.path,
            "the token \(quoted(token.content)) gets the id \(id), which the model has given")
        }
      }
      if let written = token.writtenID, written != id {
        remarks.append(
          "added token \(quoted(token.content)): the id \(written) in the file is not the next "
            + "free one; it gets \(id)")
      }
      var pattern = token.content
      if token.isNormalized {
        var text = NormalizedText(bytes: pattern, beginsInput: true)
        try text.apply(normalizers)
        pattern = text.bytes
      }
      ids[token.content] = id
      texts[id] = pattern
      if token.isSpecial { special.insert(id) }
      tokens.append((token, id, pattern))
    }
    // Of two tokens with the same pattern, a special one is found, and of those the first.
    let ordered = tokens.filter(\.token.isSpecial) + tokens.filter { !$0.token.isSpecial }
    plain = AddedTokenSearch(ordered.filter { !$0.token.isNormalized })
    normalized = AddedTokenSearch(ordered.filter(\.token.isNormalized))
    self.newCount = newCount
    self.remarks = remarks
    self.ids = ids
    self.texts = texts
    self.special = special
  }

  func id(of content: [UInt8]) -> Int? { ids[content] }

  /// What an added token is decoded to: its text, normalized if it is searched so.
  func text(_ id: Int) -> [UInt8]? { texts[id] }

  func isSpecial(_ id: Int) -> Bool { special.contains(id) }
}
