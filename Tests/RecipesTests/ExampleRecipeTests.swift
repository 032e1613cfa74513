import Foundation
import Quantization
import Recipes
import TestSupport
import Testing

/// The recipes of LLM Compressor's examples, as files.
@Suite struct ExampleRecipeTests {
  private static let folder = Fixtures.examples.appending(path: "recipes/llm-compressor")

  @Test func allAreRead() throws {
    let files = try names(in: Self.folder)
    #expect(files.count == 14)
    for name in files {
      let recipe = try Recipe(contentsOf: Self.folder.appending(path: name))
      let options = try ResolvedOptions(recipe: recipe.autoRoundOptions())
      #expect(options.groups.flatMap(\.scheme.targets).isEmpty == false, "\(name)")
      #expect([0, 100, 200].contains(options.iterations), "\(name)")
      #expect(options.ignore.contains { $0.hasSuffix("lm_head") }, "\(name)")
      // What has no effect is said, and nothing else.
      let keys = recipe.warnings.map { $0.split(separator: "'").dropFirst().first ?? "" }
      #expect(Set(keys).isSubset(of: ["enable_torch_compile", "device_ids"]), "\(recipe.warnings)")
      #expect(try Recipe(recipe.yaml).stages == recipe.stages, "\(name)")
    }
  }

  @Test func mixedSchemesAndKeysAndValues() throws {
    func options(_ name: String) throws -> ResolvedOptions {
      let recipe = try Recipe(contentsOf: Self.folder.appending(path: name))
      return try ResolvedOptions(recipe: recipe.autoRoundOptions())
    }
    let mixed = try options("wNa16-qwen3-mixed.yaml")
    #expect(mixed.groups.map(\.scheme.weights?.bitCount) == [2, 4])
    #expect(try options("kv-cache-llama3.yaml").keyValueCacheScheme?.bitCount == 8)
    #expect(try options("fp8-static-llama4.yaml").iterations == 0)
  }
}
