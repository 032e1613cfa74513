import Diagnostics
import JSONText

/// Each `post_processor` of tokenizer.json.
let postProcessors = ComponentTable<PostProcessor>(
  "post-processor", sequence: "processors",
  [
    ("TemplateProcessing", PostProcessor.init(template:)),
    ("RobertaProcessing", PostProcessor.init(pairs:)),
    ("BertProcessing", PostProcessor.init(pairs:)),
    // It concerns the places of tokens in the text, which are not kept.
    ("ByteLevel", { _ in PostProcessor(before: [], after: []) }),
  ])

/// Puts a tokenizer's special tokens around the ids of a text.
struct PostProcessor: Sendable {
  let before: [Int]
  let after: [Int]
}

extension PostProcessor {
  fileprivate init(pairs reader: JSONReader) throws(InputError) {
    before = [try Self.pairedID(try reader.required("cls"))]
    after = [try Self.pairedID(try reader.required("sep"))]
  }

  fileprivate init(template reader: JSONReader) throws(InputError) {
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
    before = beforeText
    after = added
  }

  /// The id in `["token", id]`.
  private static func pairedID(_ reader: JSONReader) throws(InputError) -> Int {
    let elements = try reader.elements()
    guard elements.count == 2 else { throw reader.mismatch("a token and its id") }
    return try elements[1].int(in: 0...(Vocabulary.idLimit - 1))
  }
}
