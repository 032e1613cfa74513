import Diagnostics
import JSONText

/// Puts a tokenizer's special tokens around the ids of a text: `post_processor`.
///
/// The templates of all steps come down to ids before and after the text's own, or to the text's
/// more than once.
struct PostProcessor: Sendable {
  private enum Item: Sendable {
    case text
    case ids([Int])
  }

  /// Each step's template, in the order in which they apply.
  private var templates: [[Item]] = []

  init(reading reader: JSONReader) throws(InputError) {
    try append(reader)
  }

  func process(_ ids: [Int]) -> [Int] {
    templates.reduce(ids) { ids, template in
      template.flatMap { item in
        switch item {
        case .text: ids
        case .ids(let added): added
        }
      }
    }
  }

  private mutating func append(_ reader: JSONReader) throws(InputError) {
    let type = try reader.required("type")
    switch try type.string() {
    case "Sequence":
      for step in try reader.required("processors").elements() { try append(step) }
    case "TemplateProcessing":
      templates.append(try Self.template(reader))
    case "RobertaProcessing", "BertProcessing":
      let first = try Self.pairedID(try reader.required("cls"))
      let last = try Self.pairedID(try reader.required("sep"))
      templates.append([.ids([first]), .text, .ids([last])])
    case "ByteLevel":
      break  // It concerns the places of tokens in the text, which are not kept.
    case let name:
      throw InputError(
        .unsupported, place: type.path,
        "the post-processor \(JSONValue.string(name).text()) is unknown")
    }
  }

  private static func template(_ reader: JSONReader) throws(InputError) -> [Item] {
    var items: [Item] = []
    for element in try reader.required("single").elements() {
      if let sequence = try element.optional("Sequence") {
        let id = try sequence.required("id")
        guard try id.string() == "A" else { throw id.mismatch(#""A" in a template for one text"#) }
        items.append(.text)
      } else if let token = try element.optional("SpecialToken") {
        let name = try token.required("id").string()
        let special = try reader.required("special_tokens").required(name)
        var ids: [Int] = []
        for id in try special.required("ids").elements() {
          ids.append(try id.int(in: 0...(Vocabulary.idLimit - 1)))
        }
        items.append(.ids(ids))
      } else {
        throw element.mismatch("a Sequence or a SpecialToken")
      }
    }
    return items
  }

  /// The id in `["token", id]`.
  private static func pairedID(_ reader: JSONReader) throws(InputError) -> Int {
    let elements = try reader.elements()
    guard elements.count == 2 else { throw reader.mismatch("a token and its id") }
    return try elements[1].int(in: 0...(Vocabulary.idLimit - 1))
  }
}
