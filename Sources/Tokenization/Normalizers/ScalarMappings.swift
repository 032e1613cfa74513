/// Normalizers that look at one character at a time.

/// Small letters for capitals, each by its full mapping alone: Σ is σ at the end of a word too.
struct Lowercase: Normalizer {
  func normalize(_ text: inout NormalizedText) {
    map(&text) { scalar, output in
      output.append(contentsOf: scalar.properties.lowercaseMapping.utf8)
    }
  }
}

/// Removes combining marks. Taking letters apart before is another normalizer's work.
struct AccentRemoval: Normalizer {
  func normalize(_ text: inout NormalizedText) {
    map(&text) { scalar, output in
      if !ScalarClass.of(scalar.value).contains(.mark) { output.append(contentsOf: scalar.utf8) }
    }
  }
}

/// The clean-up of machine translation corpora: no control characters, a space for every blank and
/// for most characters without a width.
struct NmtNormalizer: Normalizer {
  func normalize(_ text: inout NormalizedText) {
    map(&text) { scalar, output in
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

/// Replaces every scalar by what `body` appends for it. If that is nothing for the first one, the
/// text does not begin the input any more.
private func map(
  _ text: inout NormalizedText, _ body: (Unicode.Scalar, inout [UInt8]) -> Void
) {
  var output: [UInt8] = []
  let input = text.bytes
  output.reserveCapacity(input.count)
  var position = 0
  let span = input.span
  var removedFirst = false
  while position < span.count {
    let (value, next) = span.scalar(at: position)
    if let scalar = Unicode.Scalar(value) { body(scalar, &output) }
    if position == 0, output.isEmpty { removedFirst = true }
    position = next
  }
  text.bytes = output
  if removedFirst { text.beginsInput = false }
}
