package import Diagnostics
package import Foundation
package import JSONText

/// What stands in a tokenizer.json, for those who write it in another form: tokens with the ids that they really have, and
/// the components as they are written.
package struct TokenizerParts: Sendable {
  /// One token of the model or an added one.
  package struct Token: Sendable {
    package let id: Int
    /// As the file has it, in UTF-8.
    package let text: [UInt8]
    /// Nil for a token of the model that is not added besides.
    package let added: Added?
  }

  /// What is said of an added token.
  package struct Added: Sendable {
    package let isSpecial: Bool
    package let isNormalized: Bool
  }

  /// `BPE` or `Unigram`.
  package let modelType: String
  /// All tokens, by id.
  package let tokens: [Token]
  /// The scores of the model's tokens, by id; nil for a model with merges.
  package let scores: [Double]?
  /// The halves of all merges, in order of rank.
  package let merges: [(left: [UInt8], right: [UInt8])]
  /// The model's settings besides tokens and merges.
  package let settings: JSONReader
  package let normalizers: [JSONReader]
  package let preTokenizers: [JSONReader]

  /// - Throws: What ``Tokenizer/init(contentsOf:)`` throws of the same file.
  package init(contentsOf file: URL) throws(InputError) {
    self = try naming(file.path(percentEncoded: false)) { () throws(InputError) in
      try TokenizerParts(try TokenizerFile(JSONScanner(contentsOf: file)))
    }
  }

  /// The same of the bytes of a file.
  package init(_ bytes: [UInt8]) throws(InputError) {
    try self.init(try TokenizerFile(JSONScanner(bytes)))
  }

  private init(_ file: TokenizerFile) throws(InputError) {
    let model = file.model
    modelType = try model.type()
    (scores, merges, settings) = (model.scores, model.mergeParts ?? [], model.settings)
    normalizers = try Self.steps(try file.part("normalizer"), "normalizers")
    preTokenizers = try Self.steps(try file.part("pre_tokenizer"), "pretokenizers")

    var vocabulary = Vocabulary()
    for (position, token) in model.tokens.enumerated() {
      let id = model.ids.isEmpty ? position : model.ids[position]
      _ = try vocabulary.insert(token, id: id)
    }
    let added = try file.part("added_tokens")
    let known = try AddedTokens(
      reading: added, vocabulary: vocabulary,
      normalizers: try file.part("normalizer").map(Tokenization.normalizers.steps) ?? [])
    var marks: [Int: (text: [UInt8], added: Added)] = [:]
    for element in try added?.elements() ?? [] {
      let token = try AddedToken(reading: element)
      guard let id = known.id(of: token.content), marks[id] == nil else { continue }
      let mark = Added(isSpecial: token.isSpecial, isNormalized: token.isNormalized)
      marks[id] = (token.content, mark)
    }
    var tokens = vocabulary.ids.map { Token(id: $1, text: $0, added: marks[$1]?.added) }
    for (id, mark) in marks where vocabulary.token(id) == nil {
      tokens.append(Token(id: id, text: mark.text, added: mark.added))
    }
    self.tokens = tokens.sorted { $0.id < $1.id }
  }

  /// The components of a kind, sequences unfolded.
  private static func steps(
    _ reader: JSONReader?, _ list: String
  ) throws(InputError) -> [JSONReader] {
    guard let reader else { return [] }
    guard try reader.required("type").string() == "Sequence" else { return [reader] }
    var steps: [JSONReader] = []
    for element in try reader.required(list).elements() {
      steps += try Self.steps(element, list)
    }
    return steps
  }
}
