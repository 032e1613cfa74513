import Diagnostics
import JSONText

/// Turns the texts of tokens back into text, which is all of them joined in the end.
protocol TokenDecoder: Sendable {
  func decode(_ tokens: inout [[UInt8]])
}

/// One decoder after the other.
struct DecoderSequence: TokenDecoder {
  let steps: [any TokenDecoder]

  func decode(_ tokens: inout [[UInt8]]) {
    for step in steps { step.decode(&tokens) }
  }
}

/// Reads a `decoder` of tokenizer.json.
///
/// - Throws: `unsupported` for a type that is not here, naming it.
func readDecoder(_ reader: JSONReader) throws(InputError) -> any TokenDecoder {
  let type = try reader.required("type")
  switch try type.string() {
  case "Sequence":
    var steps: [any TokenDecoder] = []
    for step in try reader.required("decoders").elements() { steps.append(try readDecoder(step)) }
    return DecoderSequence(steps: steps)
  case "ByteLevel": return ByteLevelDecoder()
  case "ByteFallback": return ByteFallbackDecoder()
  case "Fuse": return FusingDecoder()
  case "Replace": return try Replacement(reading: reader)
  case "Strip": return try StrippingDecoder(reading: reader)
  case "BPEDecoder": return try SuffixDecoder(reading: reader)
  case "Metaspace": return MetaspaceDecoder(settings: try MetaspaceSettings(reading: reader))
  case let name:
    throw InputError(
      .unsupported, place: type.path,
      "the decoder \(quoted(name)) is unknown; expected one of "
        + "ByteLevel, ByteFallback, Fuse, Replace, Strip, BPEDecoder, Metaspace, Sequence")
  }
}

extension Replacement: TokenDecoder {
  func decode(_ tokens: inout [[UInt8]]) {
    for index in tokens.indices { tokens[index] = applied(to: tokens[index]) }
  }
}
