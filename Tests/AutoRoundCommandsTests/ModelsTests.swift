import AutoRound
import Foundation
import JSONText
import TestSupport
import Testing

@Suite struct ModelsTests {
  @Test func listsEveryFamily() throws {
    let text = try Invocation("models")
    #expect(text.status == 0)
    #expect(text.output.contains("\ngemma2              Gemma 2\n"), "\(text.output)")
    #expect(text.output.contains("--model-free"))

    let json = try Invocation("list", "models", "--json")
    #expect(json.output == json.lastLine + "\n")
    let families = try #require(JSONValue.parse(json.lastLine)["families"]?.arrayValue)
    #expect(families.count == ModelFamily.all.count)
    #expect(families.contains { $0["model_types"] == ["mistral", "ministral"] })
  }

  /// docs/MODELS.md has a row for each family, in the same words, and no others.
  @Test func theDocumentationListsTheSame() throws {
    let file = Fixtures.examples.deletingLastPathComponent().appending(path: "docs/MODELS.md")
    let rows = try String(contentsOf: file, encoding: .utf8).split(separator: "\n").filter {
      $0.hasPrefix("| `") && !$0.hasPrefix("| `model_type`")
    }
    let expected = ModelFamily.all.map { family in
      let types = family.modelTypes.map { "`\($0)`" }.joined(separator: ", ")
      return "| \(types) | \(family.models) | \(family.peculiarity) | \(family.limits) |"
    }
    #expect(rows.map(String.init) == expected)
  }
}
