import Foundation

/// Unicode's normalization forms.
enum UnicodeNormalization: Normalizer {
  case composed, decomposed, compatibilityComposed, compatibilityDecomposed

  /// Foundation does the work, but slowly, and most text is in the form already. So only the
  /// places where something may change are handed to it: runs of characters that are not
  /// ``isInert(_:)``, each with the character before it, which may take up an accent.
  func normalize(_ text: inout NormalizedText) {
    let input = text.bytes
    let span = input.span
    var output: [UInt8] = []
    var copied = 0  // what is in the output already, or replaced there
    var previous = 0  // the start of the character before `position`
    var position = 0
    while position < span.count {
      var (value, next) = span.scalar(at: position)
      if isInert(value) {
        (previous, position) = (position, next)
        continue
      }
      while next < span.count {
        let following = span.scalar(at: next)
        value = following.value
        if isInert(value) { break }
        next = following.next
      }
      let start = max(previous, copied)
      output.append(contentsOf: input[copied..<start])
      output.append(contentsOf: mapped(String(decoding: input[start..<next], as: UTF8.self)).utf8)
      (copied, previous, position) = (next, next, next)
    }
    guard copied > 0 else { return }
    output.append(contentsOf: input[copied...])
    text.bytes = output
  }

  /// Whether a character never changes, nor the characters before it because of it.
  private func isInert(_ value: UInt32) -> Bool {
    if value < 0x80 { return true }
    guard self == .composed else { return false }
    // Latin, Cyrillic, punctuation, Han, Hangul
    switch value {
    case ..<0x300, 0x400...0x482, 0x2002...0x206F, 0x4E00...0x9FFF, 0xAC00...0xD7A3: return true
    default: return false
    }
  }

  private func mapped(_ string: String) -> String {
    switch self {
    case .composed: string.precomposedStringWithCanonicalMapping
    case .decomposed: string.decomposedStringWithCanonicalMapping
    // Foundation's own compatibility composition leaves characters apart that should compose.
    case .compatibilityComposed:
      string.decomposedStringWithCompatibilityMapping.precomposedStringWithCanonicalMapping
    case .compatibilityDecomposed: string.decomposedStringWithCompatibilityMapping
    }
  }
}
