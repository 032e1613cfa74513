import Diagnostics
import JSONText

/// GPT-2's way: an optional space in front, GPT-2's cuts, and bytes for characters: `ByteLevel`.
struct ByteLevelPreTokenizer: PreTokenizer {
  let addsPrefixSpace: Bool
  let cutsWords: Bool
  /// Whether the text is rewritten in the byte alphabet. Without, the bytes stay as they are, for
  /// a model whose symbols are bytes.
  var usesAlphabet = true

  init(reading reader: JSONReader) throws(InputError) {
    addsPrefixSpace = try reader.required("add_prefix_space").bool()
    cutsWords = try reader.optional("use_regex")?.bool() ?? true
  }

  func cut(_ list: inout PieceList) throws(InputError) {
    if addsPrefixSpace {
      list.rewrite { _, text, output in
        if text[0] != 0x20 { output.append(0x20) }
        output += Array(text)
      }
    }
    if cutsWords {
      try list.cut(at: .scanned(.gpt2), .isolated)
    }
    if usesAlphabet {
      list.rewrite { _, text, output in ByteAlphabet.append(text, to: &output) }
    }
  }
}
