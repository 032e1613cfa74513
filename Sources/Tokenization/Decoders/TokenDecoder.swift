import Diagnostics

/// Turns the texts of tokens back into text, which is all of them joined in the end.
protocol TokenDecoder: Sendable {
  func decode(_ tokens: inout [[UInt8]])
}

/// Each `decoder` of tokenizer.json.
let decoders = ComponentTable<any TokenDecoder>(
  "decoder", sequence: "decoders",
  [
    ("ByteLevel", { _ in ByteLevelDecoder() }),
    ("ByteFallback", { _ in ByteFallbackDecoder() }),
    ("Fuse", { _ in FusingDecoder() }),
    ("Replace", Replacement.init(reading:)),
    ("Strip", StrippingDecoder.init(reading:)),
    ("BPEDecoder", SpacingDecoder.suffix),
    ("Metaspace", SpacingDecoder.metaspace),
  ])

extension Replacement: TokenDecoder {
  func decode(_ tokens: inout [[UInt8]]) {
    for index in tokens.indices { tokens[index] = applied(to: tokens[index]) }
  }
}
