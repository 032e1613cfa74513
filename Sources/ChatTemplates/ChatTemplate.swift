import Diagnostics
package import JSONText

/// A template in the language of Jinja, as far as the chat templates of Hugging Face models use it, rendered as
/// transformers renders it.
package struct ChatTemplate {
  /// The file or the place in one that errors name.
  package let name: String
  private let nodes: [TemplateNode]

  /// Most bytes of a template; those of models have a few thousand.
  private static let byteCountLimit = 1 << 20

  /// Reads a template.
  ///
  /// - Throws: `InputError` with the line: `malformed`, or `unsupported` for what this language does not have.
  package init(_ source: String, name: String) throws {
    self.name = name
    nodes = try naming(name) {
      guard source.utf8.count <= Self.byteCountLimit else {
        throw InputError(
          .unsupported,
          "is a template of \(source.utf8.count) bytes, expected at most \(Self.byteCountLimit)")
      }
      return try TemplateParser.parse(source)
    }
  }

  /// The text that the template makes of variables.
  ///
  /// - Throws: `InputError` with the template's name and the line; what the template itself refuses, as
  ///   `invalidValue` with its words.
  package func render(
    _ variables: [(name: String, value: JSONValue)], clock: TemplateClock = .now,
    limits: TemplateLimits = TemplateLimits()
  ) throws -> String {
    try naming(name) { try TemplateRenderer(variables, limits, clock).render(nodes) }
  }
}
