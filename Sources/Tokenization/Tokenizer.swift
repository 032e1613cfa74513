public import Diagnostics
public import Foundation
package import JSONText

/// Turns text into the ids of a model's tokens, and back, as a Hugging Face `tokenizer.json` says.
///
/// BPE and Unigram models are read, with the normalizers, pre-tokenizers, post-processors and
/// decoders that language models use. Ids are those that the file's own reference implementation,
/// Hugging Face's `tokenizers`, gives; text is compared and cut by Unicode scalars throughout.
///
/// ```swift
/// let tokenizer = try Tokenizer(folder: checkpoint)
/// let ids = try tokenizer.encode("Hello", addingSpecialTokens: true)
/// let text = tokenizer.decode(ids, skippingSpecialTokens: true)
/// ```
///
/// A tokenizer can be used from several threads at once.
public struct Tokenizer: Sendable {
  /// The token that begins a text, by tokenizer_config.json.
  public let beginningOfText: Int?
  /// The token that ends a text, by tokenizer_config.json.
  public let endOfText: Int?
  /// The token that fills texts up to a common length, by tokenizer_config.json.
  public let padding: Int?
  /// The token for what has none, by tokenizer_config.json.
  public let unknown: Int?
  /// What is unusual about the file without being wrong, for a user who wants to know.
  public let remarks: [String]

  private let addedTokens: AddedTokens
  private let normalizers: [any Normalizer]
  private let preTokenizers: [any PreTokenizer]
  private let model: any TokenModel
  private let postProcessors: [PostProcessor]
  private let decoders: [any TokenDecoder]?
  private let workspaces = WorkspacePool()

  /// Reads a `tokenizer.json`. The roles of tokens are not known then.
  ///
  /// - Throws: `InputError`: `unreadable`; `malformed` if the file contradicts itself;
  ///   `unsupported` for a component or setting that is not implemented, naming it.
  public init(contentsOf file: URL) throws(InputError) {
    try self.init(file, TokenizerConfiguration())
  }

  /// Reads the `tokenizer.json` of a checkpoint, and the roles of its tokens from the
  /// `tokenizer_config.json` beside it, if there is one.
  ///
  /// - Throws: As for a single file; `missing` if the folder has none.
  public init(folder: URL) throws(InputError) {
    let settingsFile = folder.appending(path: "tokenizer_config.json")
    var configuration = TokenizerConfiguration()
    if FileManager.default.fileExists(atPath: settingsFile.path(percentEncoded: false)) {
      let value = try JSONValue.parse(contentsOf: settingsFile)
      configuration = try naming(settingsFile.path(percentEncoded: false)) {
        () throws(InputError) in try TokenizerConfiguration(value)
      }
    }
    let file = folder.appending(path: "tokenizer.json")
    guard FileManager.default.fileExists(atPath: file.path(percentEncoded: false)) else {
      throw InputError(
        .missing, source: folder.path(percentEncoded: false),
        "has no tokenizer.json; tokenizers in other files are not read")
    }
    try self.init(file, configuration)
  }

  private init(_ file: URL, _ configuration: TokenizerConfiguration) throws(InputError) {
    do {
      try self.init(JSONScanner(contentsOf: file), configuration)
    } catch {
      throw error.inSource(file.path(percentEncoded: false))
    }
  }

  /// Reads the bytes of a `tokenizer.json`. Errors do not name a file.
  package init(_ bytes: [UInt8]) throws(InputError) {
    try self.init(JSONScanner(bytes), TokenizerConfiguration())
  }

  /// Reads the bytes of a `tokenizer.json`, and the roles of its tokens from what a `tokenizer_config.json` says. Errors do
  /// not name a file.
  package init(_ bytes: [UInt8], configuration: JSONValue) throws(InputError) {
    try self.init(JSONScanner(bytes), TokenizerConfiguration(configuration))
  }

  private init(
    _ scanner: JSONScanner, _ configuration: TokenizerConfiguration
  ) throws(InputError) {
    let file = try TokenizerFile(scanner)
    normalizers = try file.part("normalizer").map(Tokenization.normalizers.steps) ?? []
    var preTokenizers =
      try file.part("pre_tokenizer").map(Tokenization.preTokenizers.steps) ?? []
    // A model on bytes needs no byte alphabet, unless something else sees it.
    var usesByteSymbols = false
    if var last = preTokenizers.last as? ByteLevelPreTokenizer,
      !preTokenizers.dropLast().contains(where: { $0 is ByteLevelPreTokenizer }),
      try BytePairEncoding.allowsByteSymbols(file.model)
    {
      last.usesAlphabet = false
      preTokenizers[preTokenizers.count - 1] = last
      usesByteSymbols = true
    }
    self.preTokenizers = preTokenizers
    switch try file.model.type() {
    case "BPE":
      model = try BytePairEncoding(file.model, usesByteSymbols: usesByteSymbols)
    case "Unigram":
      model = try Unigram(file.model)
    case let name:
      throw InputError(
        .unsupported, place: "model.type",
        "the model \(quoted(name)) is unknown; expected BPE or Unigram")
    }
    postProcessors =
      try file.part("post_processor").map(Tokenization.postProcessors.steps) ?? []
    decoders = try file.part("decoder").map(Tokenization.decoders.steps)
    let addedTokens = try AddedTokens(
      reading: try file.part("added_tokens"), vocabulary: model.vocabulary, normalizers: normalizers
    )
    self.addedTokens = addedTokens
    let vocabulary = model.vocabulary
    func id(_ token: String?) -> Int? {
      token.flatMap { addedTokens.id(of: Array($0.utf8)) ?? vocabulary.id(of: $0.utf8) }
    }
    beginningOfText = id(configuration.beginningOfText)
    endOfText = id(configuration.endOfText)
    padding = id(configuration.padding)
    unknown = id(configuration.unknown)
    remarks =
      addedTokens.remarks
      + preTokenizers.compactMap { step in
        guard let split = step as? PatternSplit,
          case .regularExpression(let expression) = split.pattern
        else { return nil }
        return "no scanner for the pattern \(expression.pattern); it is matched more slowly"
      }
  }

  /// The number of different tokens, added ones included. The model may have more rows.
  public var vocabularySize: Int {
    model.vocabulary.count + addedTokens.newCount
  }

  /// The id of a token by its text as the file has it, such as `<s>` or `Ġthe`.
  public func id(ofToken token: String) -> Int? {
    addedTokens.id(of: Array(token.utf8)) ?? model.vocabulary.id(of: token.utf8)
  }

  /// The ids of the tokens of `text`.
  ///
  /// - Parameter addingSpecialTokens: Whether the file's post-processor puts its tokens, such as a
  ///   beginning of text, around them. Tokens that are written in the text itself are found either
  ///   way. A rendered chat template has its tokens already.
  /// - Throws: `InputError` of code `missing` if a character has no token and the model has none
  ///   for unknown ones; of code `unsupported` if a pattern of the file takes too long on the text, or its
  ///   normalizer makes too much of it.
  public func encode(_ text: String, addingSpecialTokens: Bool) throws(InputError) -> [Int] {
    var ids: [Int] = []
    var workspace = workspaces.take()
    let bytes = Array(text.utf8)
    for part in addedTokens.plain.cut(bytes) {
      switch part {
      case .token(let id): ids.append(id)
      case .text(let range):
        let stretch = NormalizedText(
          bytes: Array(bytes[range]), beginsInput: range.lowerBound == 0)
        try encode(stretch, to: &ids, &workspace)
      }
    }
    workspaces.giveBack(workspace)
    guard addingSpecialTokens else { return ids }
    return postProcessors.reduce(ids) { $1.before + $0 + $1.after }
  }

  private func encode(
    _ stretch: NormalizedText, to ids: inout [Int], _ workspace: inout EncodingWorkspace
  ) throws(InputError) {
    var stretch = stretch
    try stretch.apply(normalizers)
    for part in addedTokens.normalized.cut(stretch.bytes) {
      switch part {
      case .token(let id): ids.append(id)
      case .text(let range):
        var list = PieceList(
          NormalizedText(
            bytes: Array(stretch.bytes[range]),
            beginsInput: stretch.beginsInput && range.lowerBound == 0))
        for step in preTokenizers { try step.cut(&list) }
        for piece in list.pieces {
          try model.encode(list.bytes.span.extracting(piece), to: &ids, &workspace)
        }
      }
    }
  }

  /// The text of tokens. Ids that no token has are left out.
  ///
  /// Bytes that make no character, as where a list of ids ends within one, become U+FFFD.
  ///
  /// - Parameter skippingSpecialTokens: Whether added tokens that are marked as special are left
  ///   out.
  public func decode(_ ids: some Sequence<Int>, skippingSpecialTokens: Bool) -> String {
    var tokens: [[UInt8]] = []
    for id in ids {
      if let text = addedTokens.text(id) {
        if !skippingSpecialTokens || !addedTokens.isSpecial(id) { tokens.append(text) }
      } else if let token = model.vocabulary.token(id) {
        tokens.append(token)
      }
    }
    guard let decoders else {
      return String(decoding: Array(tokens.joined(separator: [0x20])), as: UTF8.self)
    }
    for decoder in decoders { decoder.decode(&tokens) }
    return String(decoding: Array(tokens.joined()), as: UTF8.self)
  }
}
