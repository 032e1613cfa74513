import Diagnostics
import Foundation
import GGUF
import JSONText

/// The chat templates of a checkpoint.
struct ChatTemplates {
  /// By name; that of most models is called `default`.
  private var templates: [(name: String, text: String)] = []

  /// Reads `chat_template.jinja`, else what tokenizer_config.json or chat_template.json has.
  init(folder: URL) throws(InputError) {
    let file = folder.appending(path: "chat_template.jinja")
    if Self.exists(file) {
      let bytes = try readFile(file.path(percentEncoded: false), limit: 1 << 26)
      guard let text = String(validating: bytes, as: UTF8.self) else {
        throw InputError(
          .malformed, source: file.path(percentEncoded: false), "is not UTF-8")
      }
      templates = [("default", text)]
      return
    }
    for name in ["tokenizer_config.json", "chat_template.json"] where templates.isEmpty {
      let file = folder.appending(path: name)
      guard Self.exists(file) else { continue }
      let value = try JSONValue.parse(contentsOf: file, limit: 1 << 26)
      templates = try naming(file.path(percentEncoded: false)) { () throws(InputError) in
        try Self.read(JSONReader(value))
      }
    }
  }

  private static func exists(_ file: URL) -> Bool {
    FileManager.default.fileExists(atPath: file.path(percentEncoded: false))
  }

  private static func read(
    _ reader: JSONReader
  ) throws(InputError) -> [(name: String, text: String)] {
    guard let template = try reader.optional("chat_template") else { return [] }
    guard template.value.arrayValue != nil else { return [("default", try template.string())] }
    var found: [(name: String, text: String)] = []
    for element in try template.elements() {
      let name = try element.required("name").string()
      guard !found.contains(where: { $0.name == name }) else {
        throw element.mismatch("templates of different names")
      }
      found.append((name, try element.required("template").string()))
    }
    return found
  }

  /// What files say of them.
  var keys: [(key: String, value: GGUFValue)] {
    let key = "tokenizer.chat_template"
    let others = templates.filter { $0.name != "default" }
    var keys: [(key: String, value: GGUFValue)] = []
    if !others.isEmpty { keys.append((key + "s", .strings(others.map(\.name)))) }
    keys += others.map { ("\(key).\($0.name)", .string($0.text)) }
    if let first = templates.first(where: { $0.name == "default" }) {
      keys.append((key, .string(first.text)))
    }
    return keys
  }
}
