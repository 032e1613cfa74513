import Diagnostics
import Evaluation
import Foundation
import JSONText
import TestSupport
import Testing

/// A configuration whose group says nothing of weights, over tensors that are quantized.
@Suite struct UnweightedGroupTests {
  @Test(arguments: ["w8a8_int8", "fp8_dynamic", "fp8_static", "fp8_block"])
  func storedElementsAreNoNumbers(_ fixture: String) throws {
    try withTemporaryFolder { folder in
      let copy = folder.appending(path: "model")
      try FileManager.default.copyItem(
        at: Fixtures.folder.appending(path: "formats/\(fixture)"), to: copy)
      let file = copy.appending(path: "config.json")
      var configuration = try JSONValue.parse(contentsOf: file)
      var quantization = try #require(configuration["quantization_config"])
      var groups = try #require(quantization["config_groups"])
      var group = try #require(groups["group_0"])
      #expect(group["input_activations"]?.objectValue != nil)
      for weights in [JSONValue?.none, .some(.null)] {
        group = group.removing("weights")
        if let weights { group.set("weights", weights) }
        groups.set("group_0", group)
        quantization.set("config_groups", groups)
        configuration.set("quantization_config", quantization)
        try Data(configuration.text().utf8).write(to: file)
        expectInputError(.malformed, mentioning: ["model.safetensors", "floating-point elements"]) {
          try Evaluation(model: copy, sequenceLength: 8)
            .run(onWindows: [[Int32]](repeating: Array(0..<8), count: 1))
        }
      }
    }
  }
}
