package import JSONText

/// Messages, and what else a template may be told.
package struct Conversation: Sendable, Equatable {
  /// Objects with `role`, `content` and whatever a template knows, such as `tool_calls` and `reasoning_content`.
  package var messages: [JSONValue]
  /// Descriptions of functions that the model may call.
  package var tools: JSONValue?

  package init(_ messages: [JSONValue] = [], tools: JSONValue? = nil) {
    self.messages = messages
    self.tools = tools
  }

  /// A conversation that begins with these, where they are given.
  package init(system: String?, user: String? = nil) {
    self.init()
    if let system { add("system", system) }
    if let user { add("user", user) }
  }

  /// Adds a message.
  package mutating func add(_ role: String, _ content: String) {
    messages.append(["role": .string(role), "content": .string(content)])
  }

  /// The texts of all messages, with a blank line between them, for models without a template.
  package var plainText: String {
    messages.map { message in
      switch message["content"] {
      case .string(let text)?: text
      case .array(let parts)?: parts.compactMap { $0["text"]?.stringValue }.joined()
      default: ""
      }
    }.filter { !$0.isEmpty }.joined(separator: "\n\n")
  }
}
