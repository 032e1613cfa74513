import AutoRound
import Diagnostics
import Evaluation
import Foundation
import JSONText
import TestSupport
import Testing

/// Every key of a configuration with every kind of value that somebody could put there, or without it: the
/// commands work, or say in one sentence what is wrong. They never trap, and never take long.
@Suite struct HostileConfigurationTests {
  static let values: [JSONValue?] = [
    nil, .null, true, "", "x", [], .object([]), 0, -1, 1, 3, 0.5, -0.0, .number("1e999"),
    .number("1e-999"), 2_147_483_648, .number("9223372036854775807"),
    .number("9223372036854775808"), .number("-9223372036854775808"),
    .string(String(repeating: "x", count: 100_000)), [[[[[nil]]]]],
  ]

  /// Keys that other models have.
  static let others = [
    "sliding_window", "layer_types", "rope_scaling", "rope_theta", "quantization_config",
    "rope_parameters.factor", "rope_parameters.original_max_position_embeddings",
  ]
  static let source = paths("models/llama") + others
  static let scaled = paths("models/llama3-rope").filter { $0.hasPrefix("rope_parameters.") }
  static let quantized = paths("formats/w4a16_kv_fp8").filter {
    $0.hasPrefix("quantization_config")
  }

  /// The paths of all members of a fixture's configuration, at every depth.
  private static func paths(_ fixture: String) -> [String] {
    func paths(_ value: JSONValue, _ above: String) -> [String] {
      (value.objectValue ?? []).flatMap { [above + $0.key] + paths($0.value, above + $0.key + ".") }
    }
    let file = Fixtures.folder.appending(path: "\(fixture)/config.json")
    return (try? JSONValue.parse(contentsOf: file)).map { paths($0, "") } ?? []
  }

  /// The object with another member at a path, or without the one that is there.
  private func changed(_ object: JSONValue, _ path: Substring, _ value: JSONValue?) -> JSONValue {
    var object = object
    let key = String(path.prefix { $0 != "." })
    if key.count < path.count {
      object.set(
        key, changed(object[key] ?? .object([]), path.dropFirst(key.count + 1), value))
    } else if let value {
      object.set(key, value)
    } else {
      object = object.removing(key)
    }
    return object
  }

  private func expectSentence(_ what: String, _ body: () throws -> Void) {
    do {
      try body()
    } catch let error as InputError {
      #expect(error.description.count < 2000, "\(what): \(error.description.prefix(300))")
      #expect(!error.description.contains("\n"), "\(what): \(error.description.prefix(300))")
    } catch {
      Issue.record("\(what): \(error)")
    }
  }

  /// Calls `body` with a copy of a fixture and each value at `path` of its configuration.
  private func forEachValue(
    _ path: String, of fixture: String, _ body: (String, URL, URL) throws -> Void
  ) throws {
    let source = Fixtures.folder.appending(path: fixture)
    let plain = try JSONValue.parse(contentsOf: source.appending(path: "config.json"))
    try withTemporaryFolder { folder in
      let copy = folder.appending(path: "model")
      try FileManager.default.createDirectory(at: copy, withIntermediateDirectories: false)
      try FileManager.default.copyItem(
        at: source.appending(path: "model.safetensors"),
        to: copy.appending(path: "model.safetensors"))
      try write(
        #"{"model": {"type": "BPE", "vocab": {"a": 0, "b": 1}, "merges": []}}"#,
        to: "tokenizer.json", in: copy)
      for value in Self.values {
        try write(changed(plain, path[...], value).text(), to: "config.json", in: copy)
        try body("\(path): \(value?.text().prefix(80) ?? "absent")", copy, folder)
      }
    }
  }

  private func write(_ text: String, to name: String, in folder: URL) throws {
    try Data(text.utf8).write(to: folder.appending(path: name))
  }

  private func expectReaders(_ what: String, _ model: URL, against other: URL) {
    expectSentence("inspect \(what)") { _ = try CheckpointSummary(opening: model).lines }
    expectSentence("evaluate \(what)") {
      _ = try Evaluation(model: model).run(onWindows: [[1, 2, 3, 4]])
    }
    expectSentence("diff \(what)") { _ = try CheckpointDifference.between(model, other) }
  }

  private func expectSource(_ path: String, of fixture: String) throws {
    let modifier = try AutoRoundModifier(
      ResolvedOptions(
        overrides: OptionOverrides {
          $0.iterations = 0
          $0.batchSize = 1
          $0.sampleCount = 1
          $0.sequenceLength = 8
        },
        recipe: Recipe("AutoRoundModifier: {scheme: W8A8, ignore: [lm_head]}").autoRoundOptions()))
    try forEachValue(path, of: fixture) { what, model, folder in
      let (output, data) = (folder.appending(path: "out"), folder.appending(path: "data.jsonl"))
      try write(#"{"input_ids": [0, 1, 0, 1, 1, 0, 0, 1]}"#, to: "data.jsonl", in: folder)
      expectSentence("plan \(what)") {
        _ = try QuantizationJob(model: model, modifier: modifier).plan(measuresTime: false).lines()
      }
      expectSentence("quantize \(what)") {
        try oneshot(
          model: model, modifier: modifier, dataset: CalibrationSource(file: data), output: output)
        try FileManager.default.removeItem(at: output)
      }
      #expect(try names(in: folder) == ["data.jsonl", "model"], "\(what)")
      expectReaders(what, model, against: Fixtures.folder.appending(path: fixture))
    }
  }

  @Test func theConfigurationsHaveKeys() {
    #expect(Self.source.count > 25 && Self.scaled.count == 6 && Self.quantized.count > 40)
  }

  @Test(arguments: source) func ofASource(_ path: String) throws {
    try expectSource(path, of: "models/llama")
  }

  @Test(arguments: scaled) func ofScaledRotaryEmbeddings(_ path: String) throws {
    try expectSource(path, of: "models/llama3-rope")
  }

  @Test(
    arguments: [
      "text_config", "text_config.model_type", "text_config.hidden_size",
      "text_config.num_hidden_layers", "tie_word_embeddings", "model_type",
    ]) func ofAWrappedModel(_ path: String) throws
  {
    try expectSource(path, of: "models/llava")
  }

  @Test(arguments: quantized) func ofAQuantizedModel(_ path: String) throws {
    try forEachValue(path, of: "formats/w4a16_kv_fp8") { what, model, folder in
      expectReaders(what, model, against: Fixtures.folder.appending(path: "formats/w8a16"))
    }
  }
}
