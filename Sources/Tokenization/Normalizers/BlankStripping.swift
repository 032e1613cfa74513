import Diagnostics
import JSONText

/// Removes blanks at the ends of a text: `Strip`.
struct BlankStripping: Normalizer {
  let left: Bool
  let right: Bool

  init(reading reader: JSONReader) throws(InputError) {
    left = try reader.required("strip_left").bool()
    right = try reader.required("strip_right").bool()
  }

  func normalize(_ text: inout NormalizedText) {
    let bytes = text.bytes
    let span = bytes.span
    let start = left ? span.blankEnd(after: 0) : 0
    let end = right ? span.blankStart(before: span.count, from: start) : span.count
    if start > 0 { text.beginsInput = false }
    if end - start < bytes.count { text.bytes = Array(bytes[start..<end]) }
  }
}
