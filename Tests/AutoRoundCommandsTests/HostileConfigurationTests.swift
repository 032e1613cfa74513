import Foundation
import JSONText
import TestSupport
import Testing

/// Every key of a configuration with every kind of value that somebody could put there: the program runs,
/// or says in one sentence what is wrong. It never crashes, and never takes long.
@Suite struct HostileConfigurationTests {
  static let values: [JSONValue] = [
    nil, true, "", "x", [], .object([]), 0, -1, 1, 3, 0.5, -0.0, .number("1e999"),
    .number("1e-999"),
    2_147_483_648, .number("9223372036854775807"), .number("9223372036854775808"),
    .number("-9223372036854775808"), .string(String(repeating: "x", count: 100_000)), [[[[[nil]]]]],
  ]

  private let model = Fixtures.examples.appending(path: "books-llama-6m")

  /// The keys that the program reads for this model, and some that it would for others.
  static let keys = [
    "architectures", "attention_bias", "head_dim", "hidden_act", "hidden_size", "intermediate_size",
    "layer_types", "max_position_embeddings", "mlp_bias", "model_type", "num_attention_heads",
    "num_hidden_layers", "num_key_value_heads", "quantization_config", "rms_norm_eps",
    "rope_parameters", "rope_scaling", "rope_theta", "sliding_window", "tie_word_embeddings",
    "vocab_size",
  ]

  @Test(arguments: keys)
  func anyValueIsUsedOrRefused(_ key: String) throws {
    try withTemporaryFolder { folder in
      let copy = folder.appending(path: "model")
      try FileManager.default.createDirectory(at: copy, withIntermediateDirectories: false)
      for name in try names(in: model) where name != "config.json" {
        try FileManager.default.createSymbolicLink(
          at: copy.appending(path: name), withDestinationURL: model.appending(path: name))
      }
      let plain = try JSONValue.parse(contentsOf: model.appending(path: "config.json"))
      for value in Self.values {
        var configuration = plain
        configuration.set(key, value)
        try Data(configuration.text().utf8).write(to: copy.appending(path: "config.json"))
        let output = folder.appending(path: "out")
        let run = try Invocation([
          "quantize", copy.path, "--output", output.path, "--samples", "1", "--sequence-length",
          "8",
          "--iterations", "0", "--held-out", "0", "--threads", "1",
        ])
        let what = "\(key): \(value.text().prefix(80)): \(run.errors.prefix(1000))"
        if run.status == 0 {
          try FileManager.default.removeItem(at: output)
        } else {
          #expect(run.status == 1, "\(what)")
          let errors = run.errors.split(separator: "\n").filter { $0.hasPrefix("error: ") }
          #expect(errors.count == 1, "\(what)")
          #expect((errors.first?.count ?? 0) < 2000, "\(what)")
        }
        #expect(try names(in: folder) == ["model"], "\(what)")
      }
    }
  }
}
