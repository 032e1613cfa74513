package import Diagnostics
package import JSONText

/// Single components of a tokenizer.json, without the rest: to find out which one goes wrong.
package enum Components {
  /// What a `normalizer` makes of a text.
  package static func normalize(
    _ text: String, with component: JSONValue
  ) throws(InputError) -> String {
    var stretch = NormalizedText(bytes: Array(text.utf8), beginsInput: true)
    try stretch.apply(try normalizers.steps(JSONReader(component)))
    return String(decoding: stretch.bytes, as: UTF8.self)
  }

  /// The pieces that a `pre_tokenizer` cuts a text into.
  package static func cut(
    _ text: String, with component: JSONValue
  ) throws(InputError) -> [String] {
    var list = PieceList(NormalizedText(bytes: Array(text.utf8), beginsInput: true))
    for step in try preTokenizers.steps(JSONReader(component)) { try step.cut(&list) }
    return list.pieces.map { String(decoding: list.bytes[$0], as: UTF8.self) }
  }

  /// The text that a `decoder` makes of tokens.
  package static func decode(
    _ tokens: [String], with component: JSONValue
  ) throws(InputError) -> String {
    var texts = tokens.map { Array($0.utf8) }
    for step in try decoders.steps(JSONReader(component)) { step.decode(&texts) }
    return String(decoding: Array(texts.joined()), as: UTF8.self)
  }
}
