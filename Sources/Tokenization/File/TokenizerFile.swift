import Diagnostics
import Foundation
import JSONText

/// The parts of a tokenizer.json, read but not yet interpreted.
struct TokenizerFile {
  let model: ModelFile
  private let members: JSONValue

  /// The largest file that is read, so that numbers of 32 bits suffice inside.
  private static let largestFile = 1 << 30

  init(_ scanner: consuming JSONScanner) throws(InputError) {
    var scanner = scanner
    guard scanner.byteCount <= Self.largestFile else {
      throw InputError(
        .unsupported, "found \(scanner.byteCount) bytes, expected at most \(Self.largestFile)")
    }
    var model: ModelFile?
    var members: [JSONValue.Member] = []
    try scanner.readMembers { (scanner, name) throws(InputError) in
      switch name {
      case "model":
        model = try ModelFile(scanning: &scanner)
      case "version", "added_tokens", "normalizer", "pre_tokenizer", "post_processor", "decoder":
        members.append(JSONValue.Member(name, try scanner.readValue()))
      default:
        try scanner.skipValue()
      }
    }
    try scanner.finish()
    guard let model else { throw InputError(.missing, place: "model", "is missing") }
    self.model = model
    self.members = .object(members)
    if let version = try part("version"), try version.string() != "1.0" {
      throw InputError(
        .unsupported, place: "version", "found \(version.value.text()), expected \"1.0\"")
    }
  }

  /// A part other than the model; nil if it is missing or null.
  func part(_ name: String) throws(InputError) -> JSONReader? {
    try JSONReader(members).optional(name)
  }
}
