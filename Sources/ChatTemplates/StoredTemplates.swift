package import Diagnostics
package import Foundation
package import JSONText

/// The chat templates of a checkpoint.
package struct StoredTemplates: Sendable {
  /// One template.
  package struct Template: Sendable {
    /// That of most models is called `default`.
    package var name: String
    /// The template itself.
    package var text: String
    /// The file that has it.
    package var source: String
  }

  /// In the order of the files that have them.
  package private(set) var templates: [Template] = []

  /// Most bytes of a file that may have templates.
  private static let byteCountLimit = 1 << 26

  /// The templates among settings, as tokenizer_config.json has them.
  ///
  /// - Parameter source: The file of the settings.
  package init(settings: JSONValue, source: String) throws(InputError) {
    templates = try naming(source) { () throws(InputError) in
      try Self.read(JSONReader(settings), source)
    }
  }

  /// Reads `chat_template.jinja` and `additional_chat_templates`; if there is neither, what tokenizer_config.json
  /// has, or else chat_template.json.
  package init(folder: URL) throws(InputError) {
    try self.init(folder: folder) { () throws(InputError) in try Self.settings(in: folder) }
  }

  /// - Parameter settings: What tokenizer_config.json says; nil where there is none.
  init(folder: URL, settings: () throws(InputError) -> JSONValue?) throws(InputError) {
    let file = folder.appending(path: "chat_template.jinja")
    if Self.exists(file) { templates.append(try Self.template("default", in: file)) }
    let further = folder.appending(path: "additional_chat_templates")
    let names = (try? FileManager.default.contentsOfDirectory(atPath: further.path)) ?? []
    for name in names.sorted() where name.hasSuffix(".jinja") {
      templates.append(
        try Self.template(String(name.dropLast(6)), in: further.appending(path: name)))
    }
    for name in [Self.settingsName, "chat_template.json"] where templates.isEmpty {
      guard
        let value = try name == Self.settingsName ? settings() : Self.document(name, in: folder)
      else { continue }
      self = try StoredTemplates(
        settings: value, source: folder.appending(path: name).path(percentEncoded: false))
    }
  }

  private static let settingsName = "tokenizer_config.json"

  /// What tokenizer_config.json says; nil where there is none.
  static func settings(in folder: URL) throws(InputError) -> JSONValue? {
    try document(settingsName, in: folder)
  }

  private static func document(_ name: String, in folder: URL) throws(InputError) -> JSONValue? {
    let file = folder.appending(path: name)
    guard exists(file) else { return nil }
    return try JSONValue.parse(contentsOf: file, limit: byteCountLimit)
  }

  /// The template of a file, whatever it is called.
  package static func template(_ name: String, in file: URL) throws(InputError) -> Template {
    let path = file.path(percentEncoded: false)
    let bytes = try readFile(path, limit: byteCountLimit)
    guard let text = String(validating: bytes, as: UTF8.self) else {
      throw InputError(.malformed, source: path, "is not UTF-8")
    }
    return Template(name: name, text: text, source: path)
  }

  private static func exists(_ file: URL) -> Bool {
    FileManager.default.fileExists(atPath: file.path(percentEncoded: false))
  }

  private static func read(
    _ reader: JSONReader, _ path: String
  ) throws(InputError) -> [Template] {
    guard let template = try reader.optional("chat_template") else { return [] }
    guard template.value.arrayValue != nil else {
      return [Template(name: "default", text: try template.string(), source: path)]
    }
    var found: [Template] = []
    for element in try template.elements() {
      let name = try element.required("name").string()
      guard !found.contains(where: { $0.name == name }) else {
        throw element.mismatch("templates of different names")
      }
      found.append(
        Template(name: name, text: try element.required("template").string(), source: path))
    }
    return found
  }
}
