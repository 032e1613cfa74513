package import Diagnostics
package import Quantization
package import QuantizedCheckpoints

extension CompressionFormat {
  /// The encoding of this format: the table of layouts.
  package func encoding() throws(InputError) -> LayerEncoding {
    let parts: [any LayerPart]
    switch self {
    case .packQuantized: parts = [PackedCodes.words, Scales.floats, SizeRecord(), WordZeroPoints()]
    case .intQuantized, .floatQuantized, .naiveQuantized:
      parts = [ByteCodes(), Scales.floats, ByteZeroPoints()]
    case .mxfp4PackQuantized: parts = [PackedCodes.pairs, Scales.exponents]
    case .mxfp8Quantized: parts = [ByteCodes(), Scales.exponents]
    case .nvfp4PackQuantized: parts = [GlobalScale(), PackedCodes.pairs, Scales.relative]
    case .dense, .mixedPrecision:
      throw InputError(
        .unsupported, place: "format", "\(rawValue) is not how the weights of a layer are stored")
    }
    return LayerEncoding(parts)
  }
}
