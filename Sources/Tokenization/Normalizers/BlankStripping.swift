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
    let start = left ? span.run(from: 0, of: .blank) : 0
    var end = span.count
    while right, end > start {
      let (value, before) = span.scalar(before: end)
      guard ScalarClass.of(value).contains(.blank) else { break }
      end = before
    }
    if start > 0 { text.beginsInput = false }
    if end - start < bytes.count { text.bytes = Array(bytes[start..<end]) }
  }
}
