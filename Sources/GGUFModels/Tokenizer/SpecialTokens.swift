import Diagnostics
import Foundation
import JSONText
import Tokenization

/// The tokens that have a role, by their ids.
struct SpecialTokens {
  /// Keys with ids, in the order of files.
  private(set) var keys: [(key: String, id: Int)] = []
  private let beginning: Int?
  private let end: Int?

  /// - Parameter texts: Of all tokens.
  init(
    _ tokenizer: Tokenizer, configuration: JSONValue, folder: URL, texts: [String]
  ) throws(InputError) {
    let reader = JSONReader(configuration)
    let readers = [reader, try reader.optional("text_config")].compactMap(\.self)
    func id(_ own: Int?, _ key: String) throws(InputError) -> Int? {
      if let own { return own }
      guard let given = try readers.firstOptional(key), given.value.arrayValue == nil,
        given.value.intValue != -1
      else { return nil }
      return try given.int(in: 0...max(texts.count - 1, 0))
    }
    beginning = try id(tokenizer.beginningOfText, "bos_token_id")
    end = try id(tokenizer.endOfText, "eos_token_id")
    let unknown = try id(tokenizer.unknown, "unk_token_id")
    let padding = try id(tokenizer.padding, "pad_token_id")
    let ends = try Self.otherEnds(configuration, folder).filter { id in
      id != end && texts.indices.contains(id) && !Self.knownEnds.contains(texts[id])
    }
    let found: [(String, Int?)] = [
      ("bos_token_id", beginning), ("eos_token_id", end), ("eot_token_id", ends.first),
      ("eom_token_id", ends.dropFirst().first), ("unknown_token_id", unknown),
      ("padding_token_id", padding),
    ]
    keys = found.compactMap { key, id in id.map { (key, $0) } }
  }

  /// The tokens that end an answer besides the first, by generation_config.json or the configuration.
  private static func otherEnds(
    _ configuration: JSONValue, _ folder: URL
  ) throws(InputError) -> [Int] {
    let file = folder.appending(path: "generation_config.json")
    var list = configuration["eos_token_id"] ?? configuration["text_config"]?["eos_token_id"]
    if FileManager.default.fileExists(atPath: file.path(percentEncoded: false)) {
      let generation = try JSONValue.parse(contentsOf: file, limit: 1 << 24)
      list = generation["eos_token_id"] ?? list
    }
    return list?.arrayValue?.compactMap(\.intValue) ?? []
  }

  /// Tokens that llama.cpp takes for ends by their text.
  private static let knownEnds: Set<String> = [
    "<|eot_id|>", "<|im_end|>", "<|end|>", "<|return|>", "<|call|>", "<end_of_turn>",
    "<|endoftext|>", "<|end_of_text|>", "</s>", "<|eom_id|>", "<EOT>", "<eos>",
  ]

  /// Which of them are put around a text.
  func added(
    by tokenizer: Tokenizer
  ) throws(InputError) -> (first: Bool, last: Bool, remarks: [String]) {
    let plain = try tokenizer.encode("a", addingSpecialTokens: false)
    let whole = try tokenizer.encode("a", addingSpecialTokens: true)
    let surplus = whole.count - plain.count
    let start = (0...max(surplus, 0)).first {
      $0 + plain.count <= whole.count && Array(whole[$0..<$0 + plain.count]) == plain
    }
    guard let start, surplus > 0 else { return (false, false, []) }
    let (before, after) = (Array(whole[..<start]), Array(whole[(start + plain.count)...]))
    let first = beginning != nil && before == [beginning]
    let last = end != nil && after == [end]
    let isAll = (first || before.isEmpty) && (last || after.isEmpty)
    return (
      first, last,
      isAll
        ? []
        : ["the tokenizer puts tokens around a text that llama.cpp cannot add; templates have to"]
    )
  }
}
