import Diagnostics
import JSONText

/// Puts a string in front of every text that is not empty: `Prepend`.
struct Prepending: Normalizer {
  let prefix: [UInt8]

  init(reading reader: JSONReader) throws(InputError) {
    prefix = Array(try reader.required("prepend").string().utf8)
  }

  func normalize(_ text: inout NormalizedText) {
    if !text.bytes.isEmpty { text.bytes.insert(contentsOf: prefix, at: 0) }
  }
}
