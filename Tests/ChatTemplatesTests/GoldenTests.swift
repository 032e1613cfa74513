import ChatTemplates
import Diagnostics
import Foundation
import JSONText
import TestSupport
import Testing

/// What jinja2 makes of templates in the environment of transformers, to the byte.
@Suite struct GoldenTests {
  private func document(_ name: String) throws -> JSONValue {
    try JSONValue.parse(contentsOf: Fixtures.folder.appending(path: "chat/\(name).json"))
  }

  /// Renders, and compares with `rendered` or `error` of the case.
  private func check(
    _ template: ChatTemplate, _ variables: [(name: String, value: JSONValue)], _ example: JSONValue,
    _ name: String
  ) throws {
    if let rendered = example["rendered"]?.stringValue {
      let text = try template.render(variables)
      #expect(text.hasSameBytes(as: rendered), "\(name): \(text)")
    } else {
      let message = try #require(
        example["error"]?.stringValue?.split(separator: ": ", maxSplits: 1).last)
      expectInputError(.invalidValue, mentioning: [String(message), "line "]) {
        try template.render(variables)
      }
    }
  }

  @Test(arguments: [
    ("chatml", 10), ("llama3", 10), ("mistral-instruct", 10), ("chatml-tools", 8),
    ("chatml-reasoning", 8),
  ])
  func families(name: String, count: Int) throws {
    let document = try document(name)
    let template = try ChatTemplate(try #require(document["template"]?.stringValue), name: name)
    let cases = try #require(document["cases"]?.arrayValue)
    #expect(cases.count == count)
    for example in cases {
      var variables: [(name: String, value: JSONValue)] = [("tools", .null), ("documents", .null)]
      for member in try #require(example.objectValue)
      where !["name", "rendered", "error"].contains(member.key) {
        variables.append((member.key, member.value))
      }
      try check(template, variables, example, "\(name): \(example["name"]?.stringValue ?? "")")
    }
  }

  @Test func features() throws {
    let cases = try #require(try document("features").arrayValue)
    #expect(cases.count == 59)
    for example in cases {
      let source = try #require(example["template"]?.stringValue)
      let context = try #require(example["context"]?.objectValue)
      try check(
        ChatTemplate(source, name: "feature"), context.map { ($0.key, $0.value) }, example, source)
    }
  }
}
