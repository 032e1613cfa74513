import Foundation
import JSONText
import TestSupport
import Testing

@Suite struct InspectTests {
  @Test func printsLinesOrOneObject() throws {
    let model = Fixtures.examples.appending(path: "books-llama-6m").path
    let text = try Invocation("inspect", model)
    #expect(text.status == 0)
    #expect(text.errors.isEmpty)
    #expect(text.output.contains("\nparameters    5,770,496\n"))
    #expect(text.output.contains("\ntokenizer     4,096 tokens\n"))

    let json = try Invocation("inspect", model, "--json")
    #expect(json.output == json.lastLine + "\n")
    let value = try JSONValue.parse(json.lastLine)
    #expect(value["architecture"] == "LlamaForCausalLM")
    #expect(value["parameters"] == 5_770_496)
    #expect(value["tokenizer"]?["vocabulary_size"] == 4096)
    #expect(value["quantization"] == .null)
  }

  @Test func saysWhatIsWrong() throws {
    let missing = try Invocation("inspect", "/nonexistent")
    #expect(missing.status == 1)
    #expect(missing.output.isEmpty)
    #expect(missing.errors == "error: /nonexistent: there is no such folder\n")
    #expect(try Invocation("inspect").status == 64)
  }
}
