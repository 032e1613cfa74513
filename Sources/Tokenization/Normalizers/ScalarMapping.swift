/// Looks at one character at a time, and replaces it by what ``append`` appends for it.
struct ScalarMapping: Normalizer {
  let append: @Sendable (Unicode.Scalar, inout [UInt8]) -> Void

  func normalize(_ text: inout NormalizedText) {
    var output: [UInt8] = []
    output.reserveCapacity(text.bytes.count)
    let scalars = String(decoding: text.bytes, as: UTF8.self).unicodeScalars
    for (index, scalar) in scalars.enumerated() {
      append(scalar, &output)
      if index == 0, output.isEmpty { text.beginsInput = false }
    }
    text.bytes = output
  }

  /// Small letters for capitals, each by its full mapping alone: Σ is σ at the end of a word too.
  static let lowercase = ScalarMapping { scalar, output in
    output.append(contentsOf: scalar.properties.lowercaseMapping.utf8)
  }

  /// Removes combining marks. Taking letters apart before is another normalizer's work.
  static let withoutMarks = ScalarMapping { scalar, output in
    if !ScalarClass.of(scalar.value).contains(.mark) { output.append(contentsOf: scalar.utf8) }
  }

  /// The clean-up of machine translation corpora: no control characters, a space for every blank and
  /// for most characters without a width.
  static let machineTranslation = ScalarMapping { scalar, output in
    switch scalar.value {
    case 0x01...0x08, 0x0B, 0x0E...0x1F, 0x7F, 0x8F, 0x9F:
      break
    case 0x09, 0x0A, 0x0C, 0x0D, 0x1680, 0x200B...0x200F, 0x2028, 0x2029, 0x2581, 0xFEFF, 0xFFFD:
      output.append(0x20)
    default:
      output.append(contentsOf: scalar.utf8)
    }
  }
}

/// The byte alphabet for the bytes of the text.
struct ByteLevelNormalizer: Normalizer {
  func normalize(_ text: inout NormalizedText) {
    var output: [UInt8] = []
    output.reserveCapacity(2 * text.bytes.count)
    ByteAlphabet.append(text.bytes.span, to: &output)
    text.bytes = output
  }
}
