import Diagnostics
import JSONText

/// Puts a tokenizer's special tokens around the ids of a text: `post_processor`.
struct PostProcessor: Sendable {
  private var before: [Int] = []
  private var after: [Int] = []

  init(reading reader: JSONReader) throws(InputError) {
    try append(reader)
  }

  func process(_ ids: [Int]) -> [Int] {
    before + ids + after
  }

  private mutating func append(_ reader: JSONReader) throws(InputError) {
    let type = try reader.required("type")
    switch try type.string() {
    case "Sequence":
      for step in try reader.required("processors").elements() { try append(step) }
    case "TemplateProcessing":
      try appendTemplate(reader)
    case "RobertaProcessing", "BertProcessing":
      let first = try Self.pairedID(try reader.required("cls"))
      let last = try Self.pairedID(try reader.required("sep"))
      before.insert(first, at: 0)
      after.append(last)
    case "ByteLevel":
      break  // It concerns the places of tokens in the text, which are not kept.
    case let name:
      throw InputError(
        .unsupported, place: type.path,
        "the post-processor \(quoted(name)) is unknown; expected one of TemplateProcessing, "
          + "RobertaProcessing, BertProcessing, ByteLevel, Sequence")
    }
  }

  private mutating func appendTemplate(_ reader: JSONReader) throws(InputError) {
    let single = try reader.required("single")
    var added: [Int] = []
    var beforeText: [Int]?
    for element in try single.elements() {
      if let sequence = try element.optional("Sequence") {
        let id = try sequence.required("id")
        guard try id.string() == "A", beforeText == nil else {
          throw id.mismatch(#""A", once in a template for one text"#)
        }
        beforeText = added
        added = []
      } else if let token = try element.optional("SpecialToken") {
        let name = try token.required("id").string()
        let special = try reader.required("special_tokens").required(name)
        for id in try special.required("ids").elements() {
          added.append(try id.int(in: 0...(Vocabulary.idLimit - 1)))
        }
      } else {
        throw element.mismatch("a Sequence or a SpecialToken")
      }
    }
    guard let beforeText else { throw single.mismatch("a template with the text in it") }
    before.insert(contentsOf: beforeText, at: 0)
    after += added
  }

  /// The id in `["token", id]`.
  private static func pairedID(_ reader: JSONReader) throws(InputError) -> Int {
    let elements = try reader.elements()
    guard elements.count == 2 else { throw reader.mismatch("a token and its id") }
    return try elements[1].int(in: 0...(Vocabulary.idLimit - 1))
  }
}
