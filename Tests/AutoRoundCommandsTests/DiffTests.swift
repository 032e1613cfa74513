import Foundation
import JSONText
import TestSupport
import Testing

@Suite struct DiffTests {
  private let model = Fixtures.examples.appending(path: "books-llama-6m").path

  @Test func aCheckpointIsItself() throws {
    let run = try Invocation("diff", model, model)
    #expect(run.status == 0, "\(run.errors)")
    #expect(run.output.hasSuffix("have the same numbers, 0 differ\n"))
  }

  @Test func quantizedWeightsAreComparedAsNumbers() throws {
    try withTemporaryFolder { folder in
      var outputs: [String] = []
      for scheme in ["W4A16", "W2A16"] {
        let output = folder.appending(path: scheme).path
        outputs.append(output)
        let run = try Invocation(
          "quantize", model, "--output", output, "--scheme", scheme, "--samples", "2",
          "--sequence-length", "16", "--iterations", "0")
        #expect(run.status == 0, "\(run.errors)")
      }
      func errors(_ first: String, _ second: String) throws -> [Double] {
        let run = try Invocation("diff", first, second, "--json")
        #expect(run.status == 0, "\(run.errors)")
        let json = try JSONValue.parse(run.lastLine)
        // The layers that are quantized, and nothing else.
        let entries = try #require(json["entries"]?.arrayValue)
        #expect(json["changed"] == 42 && entries.count == 42)
        #expect(
          entries.everySatisfies { $0["name"]?.stringValue?.hasSuffix("_proj.weight") == true })
        return entries.compactMap { $0["relative_error"]?.doubleValue }
      }
      let (four, two) = (try errors(model, outputs[0]), try errors(model, outputs[1]))
      #expect(four == four.sorted(by: >))
      // A step of 4 bits is about a fifth of one of 2 bits.
      #expect(four.everySatisfies { (0.03...0.2).contains($0) }, "\(four)")
      #expect(two.everySatisfies { (0.2...0.9).contains($0) }, "\(two)")
      _ = try errors(outputs[0], outputs[1])

      let text = try Invocation("diff", model, outputs[0])
      #expect(text.output.contains("and 22 more"))
      #expect(text.output.contains("4-bit int symmetric, groups of 128"))
      #expect(
        try Invocation("diff", model, outputs[0], "--all").output.split(separator: "\n").count == 44
      )
    }
  }

  @Test func otherModelsHaveOtherTensors() throws {
    let format = Fixtures.folder.appending(path: "formats/w4a16").path
    let run = try Invocation("diff", model, format, "--all")
    #expect(run.status == 0, "\(run.errors)")
    #expect(run.output.contains("absent"))
    let missing = try Invocation("diff", model, "/nowhere/at/all")
    #expect(missing.status == 1)
    #expect(missing.errors.contains("/nowhere/at/all"))
  }
}
