import Diagnostics
import JSONText

/// The `model` of tokenizer.json: hundreds of thousands of entries, read in one pass.
struct ModelFile {
  /// The tokens of `vocab`, in their order.
  var tokens: [[UInt8]] = []
  /// Their ids, if `vocab` is an object.
  var ids: [Int] = []
  /// Their scores, if `vocab` is a list; the position is the id then.
  var scores: [Double]?
  /// The two halves of every merge, in order of rank; nil without `merges`.
  var mergeParts: [(left: [UInt8], right: [UInt8])]?
  /// Everything else.
  var settings = JSONReader(.object([]), path: "model")

  init(scanning scanner: inout JSONScanner) throws(InputError) {
    var members: [JSONValue.Member] = []
    var hasVocabulary = false
    try scanner.readMembers { (scanner, key) throws(InputError) in
      switch key {
      case "vocab":
        hasVocabulary = true
        switch try scanner.peek() {
        case .array: try readScoredTokens(&scanner)
        default: try readTokens(&scanner)
        }
      case "merges": try readMerges(&scanner)
      default: members.append(JSONValue.Member(key, try scanner.readValue()))
      }
    }
    guard hasVocabulary else {
      throw InputError(.missing, place: "model.vocab", "is missing")
    }
    settings = JSONReader(.object(members), path: "model")
  }

  /// The name of the model's type, which older files leave out.
  func type() throws(InputError) -> String {
    if let type = try settings.optional("type") { return try type.string() }
    if mergeParts != nil { return "BPE" }
    if scores != nil { return "Unigram" }
    throw InputError(.missing, place: "model.type", "is missing")
  }

  /// `{"token": id, …}`
  private mutating func readTokens(_ scanner: inout JSONScanner) throws(InputError) {
    var key: [UInt8] = []
    try scanner.beginObject()
    while try scanner.nextKey(into: &key) {
      tokens.append(key)
      ids.append(try scanner.readInteger())
    }
  }

  /// `[["token", score], …]`
  private mutating func readScoredTokens(_ scanner: inout JSONScanner) throws(InputError) {
    var scores: [Double] = []
    try scanner.beginArray()
    while try scanner.nextElement() {
      try scanner.beginArray()
      tokens.append(try Self.readString(&scanner))
      guard try scanner.nextElement() else { throw scanner.failure(expected: "a score") }
      let score = scoreValue(try scanner.readNumber())
      guard score.isFinite else { throw scanner.failure("a score that is too large") }
      scores.append(score)
      guard try !scanner.nextElement() else { throw scanner.failure(expected: "']'") }
    }
    self.scores = scores
  }

  /// `["a b", …]` or `[["a", "b"], …]`
  private mutating func readMerges(_ scanner: inout JSONScanner) throws(InputError) {
    var parts: [(left: [UInt8], right: [UInt8])] = []
    try scanner.beginArray()
    while try scanner.nextElement() {
      if try scanner.peek() == .array {
        try scanner.beginArray()
        parts.append((try Self.readString(&scanner), try Self.readString(&scanner)))
        guard try !scanner.nextElement() else { throw scanner.failure(expected: "']'") }
      } else {
        var merge: [UInt8] = []
        try scanner.readString(appendingTo: &merge)
        guard let space = merge.firstIndex(of: 0x20), space == merge.lastIndex(of: 0x20) else {
          throw scanner.failure("a merge that is not two tokens with one space between them")
        }
        parts.append((Array(merge[..<space]), Array(merge[(space + 1)...])))
      }
    }
    mergeParts = parts
  }

  /// Reads the next element of an array, a string.
  private static func readString(_ scanner: inout JSONScanner) throws(InputError) -> [UInt8] {
    guard try scanner.nextElement() else { throw scanner.failure(expected: "a string") }
    var text: [UInt8] = []
    try scanner.readString(appendingTo: &text)
    return text
  }
}
