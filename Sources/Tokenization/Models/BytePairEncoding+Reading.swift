import Diagnostics
import JSONText

extension BytePairEncoding {
  /// Reads a model of type `BPE`.
  ///
  /// - Parameter usesByteSymbols: Whether pieces will be plain bytes, not in the byte alphabet.
  init(_ file: ModelFile, usesByteSymbols: Bool) throws(InputError) {
    let settings = try BytePairEncodingSettings(reading: file.settings)
    guard file.scores == nil, let mergeParts = file.mergeParts else {
      throw InputError(
        .malformed, place: "model", "BPE needs a vocab of tokens with ids, and merges")
    }
    var vocabulary = Vocabulary()
    for (token, id) in zip(file.tokens, file.ids) {
      guard try vocabulary.insert(token, id: id) else {
        throw InputError(
          .malformed, place: "model.vocab", "the token \(quoted(token)) occurs twice")
      }
    }
    let unknown = settings.unknownToken.flatMap { vocabulary.id(of: $0.utf8) }
    let symbols = SymbolTable(
      unit: usesByteSymbols ? .byte : .scalar, vocabulary: vocabulary, prefix: settings.prefix,
      suffix: settings.suffix, unknown: unknown, fusesUnknown: settings.fusesUnknown,
      fallsBackOnBytes: settings.fallsBackOnBytes)

    var merges = MergeTable(capacity: mergeParts.count)
    var boundaries =
      usesByteSymbols || symbols.dependsOnPosition ? nil : MergeBoundaries(symbols: symbols)
    var wordless = Set(vocabulary.byteTokens.compactMap { $0 }.map(Int.init))
    if let unknown { wordless.insert(unknown) }
    for (rank, (left, right)) in mergeParts.enumerated() {
      func id(_ token: [UInt8]) throws(InputError) -> Int {
        if let id = vocabulary.ids[token] { return id }
        throw InputError(
          .malformed, place: "model.merges[\(rank)]", "\(quoted(token)) is not in the vocabulary")
      }
      let (leftID, rightID) = (try id(left), try id(right))
      let merged = try id(left + right.dropFirst(settings.prefix.count))
      merges.insert(leftID, rightID, rank: rank, merged: merged)
      // Tokens that stand for something other than their text say nothing about characters.
      if left.isEmpty || right.isEmpty || wordless.contains(leftID) || wordless.contains(rightID) {
        boundaries = nil
      }
      boundaries?.join(left.span, right.span)
    }
    self.vocabulary = vocabulary
    self.symbols = symbols
    self.merges = merges
    self.boundaries = boundaries
    wholePieces =
      !settings.ignoresMerges ? nil : usesByteSymbols ? try vocabulary.inBytes() : vocabulary
  }

  /// Whether plain bytes can take the place of the byte alphabet: not if symbols are looked up by
  /// more than the character.
  static func allowsByteSymbols(_ file: ModelFile) throws(InputError) -> Bool {
    guard try file.type() == "BPE" else { return false }
    let settings = try BytePairEncodingSettings(reading: file.settings)
    return settings.prefix.isEmpty && settings.suffix.isEmpty && !settings.fallsBackOnBytes
  }
}

/// The settings of a `BPE` model.
private struct BytePairEncodingSettings {
  let unknownToken: String?
  let prefix: [UInt8]
  let suffix: [UInt8]
  let fusesUnknown: Bool
  let fallsBackOnBytes: Bool
  let ignoresMerges: Bool

  init(reading reader: JSONReader) throws(InputError) {
    if let dropout = try reader.optional("dropout"), try dropout.double() != 0 {
      throw InputError(
        .unsupported, place: dropout.path, "merges that drop out at random are not supported")
    }
    unknownToken = try reader.optional("unk_token")?.string()
    prefix = Array((try reader.optional("continuing_subword_prefix")?.string() ?? "").utf8)
    suffix = Array((try reader.optional("end_of_word_suffix")?.string() ?? "").utf8)
    fusesUnknown = try reader.optional("fuse_unk")?.bool() ?? false
    fallsBackOnBytes = try reader.optional("byte_fallback")?.bool() ?? false
    ignoresMerges = try reader.optional("ignore_merges")?.bool() ?? false
  }
}

extension Vocabulary {
  /// The tokens that are written in the byte alphabet, as the bytes that they stand for.
  fileprivate func inBytes() throws(InputError) -> Vocabulary {
    var result = Vocabulary()
    for (token, id) in ids {
      if let bytes = ByteAlphabet.bytes(of: token) { _ = try result.insert(bytes, id: id) }
    }
    return result
  }
}

/// A token as it is shown in messages.
func quoted(_ token: some Collection<UInt8>) -> String {
  JSONValue.string(String(decoding: token, as: UTF8.self)).text()
}
