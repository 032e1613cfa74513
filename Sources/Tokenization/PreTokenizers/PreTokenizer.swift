import Diagnostics
import JSONText

/// Cuts a normalized stretch of text into the pieces that the model encodes one by one.
protocol PreTokenizer: Sendable {
  func cut(_ list: inout PieceList) throws(InputError)
}

/// Reads a `pre_tokenizer` of tokenizer.json as the list of its steps, sequences unfolded.
///
/// - Throws: `unsupported` for a type that is not here, naming it.
func readPreTokenizers(_ reader: JSONReader) throws(InputError) -> [any PreTokenizer] {
  let type = try reader.required("type")
  switch try type.string() {
  case "Sequence":
    var steps: [any PreTokenizer] = []
    for step in try reader.required("pretokenizers").elements() {
      steps += try readPreTokenizers(step)
    }
    return steps
  case "ByteLevel": return [try ByteLevelPreTokenizer(reading: reader)]
  case "Metaspace": return [try MetaspacePreTokenizer(reading: reader)]
  case "Split": return [try PatternSplit(reading: reader)]
  case "Digits": return [try DigitSplit(reading: reader)]
  case "Punctuation": return [try PunctuationSplit(reading: reader)]
  case "WhitespaceSplit": return [WhitespaceSplit()]
  case "Whitespace": return [WordSplit()]
  case let name:
    throw InputError(
      .unsupported, place: type.path,
      "the pre-tokenizer \(quoted(name)) is unknown; expected one of "
        + "ByteLevel, Metaspace, Split, Digits, Punctuation, WhitespaceSplit, Whitespace, Sequence")
  }
}
