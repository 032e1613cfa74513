import Diagnostics
public import Foundation
package import JSONText

/// Where the template comes from that makes text of conversations.
public enum ChatTemplateChoice: Sendable, Equatable {
  /// The model's own.
  case model
  /// One in a file.
  case file(URL)
  /// None: the texts of the messages, with blank lines between them.
  case none
}

/// How a model wants conversations: its template, and the tokens that this may name.
package struct ChatFormat {
  /// Those that conversations can choose, by their names.
  private let templates: [String: ChatTemplate]
  /// The names of all templates, others among them.
  private let names: [String]
  /// The checkpoint's folder or file, for errors.
  private let source: String
  /// `bos_token`, `eos_token` and their kin.
  private let tokens: [JSONValue.Member]

  /// Reads the templates of a checkpoint, or one from a file in their place.
  ///
  /// - Parameters:
  ///   - file: A template to take instead of the checkpoint's own.
  ///   - advice: What else can be done where there is no template.
  /// - Throws: `missing` if there is no template.
  package init(folder: URL, file: URL? = nil, advice: String = "") throws {
    let settings = try StoredTemplates.settings(in: folder)
    try self.init(
      Self.given(file) ?? StoredTemplates(folder: folder) { settings }.templates,
      settings ?? [:], source: folder.path(percentEncoded: false),
      expected: "chat_template.jinja, or chat_template in tokenizer_config.json", advice)
  }

  /// The same for a model in one file.
  ///
  /// - Parameters:
  ///   - settings: What its tokenizer_config.json would say.
  ///   - source: The model's file.
  package init(settings: JSONValue, source: String, file: URL?, advice: String) throws {
    try self.init(
      Self.given(file) ?? StoredTemplates(settings: settings, source: source).templates,
      settings, source: source, expected: "tokenizer.chat_template in its metadata", advice)
  }

  private static func given(_ file: URL?) throws -> [StoredTemplates.Template]? {
    try file.map { [try StoredTemplates.template("default", in: $0)] }
  }

  private init(
    _ stored: [StoredTemplates.Template], _ settings: JSONValue, source: String, expected: String,
    _ advice: String
  ) throws {
    guard !stored.isEmpty else {
      throw InputError(
        .missing, source: source,
        "has no chat template; expected \(expected); give a file with \(OptionName.chatTemplate)\(advice)"
      )
    }
    self.source = source
    names = stored.map(\.name)
    var templates: [String: ChatTemplate] = [:]
    for (name, place) in [("default", ""), ("tool_use", " (tool_use)")] {
      guard let template = stored.first(where: { $0.name == name }) else { continue }
      templates[name] = try ChatTemplate(template.text, name: template.source + place)
    }
    self.templates = templates
    tokens = Self.tokens(settings)
  }

  /// The text of a conversation, as transformers' `apply_chat_template` makes it.
  ///
  /// - Parameter addsPrompt: Whether the beginning of an answer follows.
  package func text(
    of conversation: Conversation, addsPrompt: Bool, clock: TemplateClock = .now
  ) throws -> String {
    let hasTools = conversation.tools.map { !$0.isNull } ?? false
    guard let template = (hasTools ? templates["tool_use"] : nil) ?? templates["default"] else {
      throw InputError(
        .missing, source: source,
        "has no chat template called default, only \(names.map(quoted).joined(separator: ", ")); give a file with "
          + "\(OptionName.chatTemplate)")
    }
    return try template.render(
      tokens.map { ($0.key, $0.value) } + [
        ("messages", .array(conversation.messages)), ("tools", conversation.tools ?? .null),
        ("documents", .null), ("add_generation_prompt", .bool(addsPrompt)),
      ], clock: clock)
  }

  /// The tokens with a role in tokenizer_config.json: strings, or objects with one.
  private static func tokens(_ settings: JSONValue) -> [JSONValue.Member] {
    (settings.objectValue ?? []).compactMap { member in
      guard member.key.hasSuffix("_token"),
        let text = member.value.stringValue ?? member.value["content"]?.stringValue
      else { return nil }
      return JSONValue.Member(member.key, .string(text))
    }
  }
}
