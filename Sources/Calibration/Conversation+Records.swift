import ChatTemplates
import Diagnostics
import JSONText

/// The shapes in which data sets hold conversations.
extension Conversation {
  /// Reads the conversation of a record, with its `tools`; nil if it has none.
  ///
  /// - Parameter lists: Keys of a list of messages.
  init?(
    record: JSONReader, lists: [String] = ["messages", "conversations"]
  ) throws(InputError) {
    self.init()
    if let list = try Self.first(of: lists, in: record) {
      let elements = try list.elements()
      guard !elements.isEmpty else { throw list.mismatch("a message at least") }
      for element in elements { messages.append(try Self.message(element)) }
    } else if let prompt = try record.optional("prompt"),
      let answer = try Self.first(of: ["response", "completion"], in: record)
    {
      try addSystem(record)
      try add("user", prompt)
      try add("assistant", answer)
    } else if let instruction = try record.optional("instruction"),
      let answer = try record.optional("output")
    {
      try addSystem(record)
      let input = try record.optional("input")?.string() ?? ""
      add("user", try instruction.string() + (input.isEmpty ? "" : "\n\n" + input))
      add("assistant", try answer.string())
    } else {
      return nil
    }
    if let tools = try record.optional("tools") {
      _ = try tools.elements()
      self.tools = tools.value
    }
  }

  private static func first(
    of keys: [String], in record: JSONReader
  ) throws(InputError) -> JSONReader? {
    for key in keys {
      if let found = try record.optional(key) { return found }
    }
    return nil
  }

  private mutating func addSystem(_ record: JSONReader) throws(InputError) {
    guard let system = try record.optional("system")?.string(), !system.isEmpty else { return }
    add("system", system)
  }

  /// Adds a text as a message, or the messages of a list.
  private mutating func add(_ role: String, _ part: JSONReader) throws(InputError) {
    guard part.value.arrayValue != nil else { return add(role, try part.string()) }
    for element in try part.elements() { messages.append(try Self.message(element)) }
  }

  /// A message with `role` as it is, or one of `from` and `value` in these words.
  private static func message(_ element: JSONReader) throws(InputError) -> JSONValue {
    if let role = try element.optional("role") {
      _ = try role.string()
      return element.value
    }
    guard let from = try element.optional("from") else {
      throw element.mismatch("a message with \"role\" and \"content\", or \"from\" and \"value\"")
    }
    guard let role = roles[try from.string()] else {
      throw from.mismatch("one of \(roles.keys.sorted().joined(separator: ", "))")
    }
    return ["role": .string(role), "content": .string(try element.required("value").string())]
  }

  private static let roles = [
    "system": "system", "human": "user", "user": "user", "gpt": "assistant",
    "assistant": "assistant", "chatgpt": "assistant", "model": "assistant", "bot": "assistant",
    "tool": "tool", "function_response": "tool", "observation": "tool",
  ]
}
