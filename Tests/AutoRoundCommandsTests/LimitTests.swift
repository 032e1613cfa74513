import Foundation
import JSONText
import TestSupport
import Testing

/// Models that no machine has room for: files of that length without content.
@Suite(.serialized) struct LimitTests {
  /// A checkpoint of one block with the example model's tokenizer.
  ///
  /// - Parameter extra: Elements of a vector that no part of the model uses; it is copied all the same.
  private func makeModel(_ folder: URL, inner: Int, extra: Int) throws {
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    for name in ["tokenizer.json", "tokenizer_config.json"] {
      try FileManager.default.copyItem(
        at: Fixtures.examples.appending(path: "books-llama-6m/\(name)"),
        to: folder.appending(path: name))
    }
    let (hidden, vocabulary) = (4096, 4096)
    let configuration: JSONValue = [
      "architectures": ["LlamaForCausalLM"], "model_type": "llama",
      "hidden_size": JSONValue(hidden), "intermediate_size": JSONValue(inner),
      "num_hidden_layers": 1, "num_attention_heads": 32, "num_key_value_heads": 32,
      "vocab_size": JSONValue(vocabulary), "max_position_embeddings": 512, "rms_norm_eps": 1e-6,
      "hidden_act": "silu", "tie_word_embeddings": true,
    ]
    try Data(configuration.text().utf8).write(to: folder.appending(path: "config.json"))
    let block = "model.layers.0"
    let shapes: [(String, [Int])] =
      [
        ("model.embed_tokens", [vocabulary, hidden]), ("model.norm", [hidden]),
        ("\(block).input_layernorm", [hidden]), ("\(block).post_attention_layernorm", [hidden]),
        ("\(block).mlp.gate_proj", [inner, hidden]), ("\(block).mlp.up_proj", [inner, hidden]),
        ("\(block).mlp.down_proj", [hidden, inner]), ("extra", [extra]),
      ] + "qkvo".map { ("\(block).self_attn.\($0)_proj", [hidden, hidden]) }
    var (header, end): ([JSONValue.Member], Int) = ([], 0)
    for (name, shape) in shapes {
      let start = end
      end += 2 * shape.reduce(1, *)
      header.append(
        .init(
          "\(name).weight",
          [
            "dtype": "BF16", "shape": .array(shape.map { JSONValue($0) }),
            "data_offsets": [JSONValue(start), JSONValue(end)],
          ]))
    }
    let text = Data(JSONValue.object(header).text().utf8)
    let file = folder.appending(path: "model.safetensors")
    try (withUnsafeBytes(of: UInt64(text.count).littleEndian) { Data($0) } + text).write(to: file)
    try FileHandle(forWritingTo: file).truncate(atOffset: UInt64(8 + text.count + end))
  }

  @Test(
    arguments: [(512, 1 << 41, "bytes, but only"), (1 << 24, 1, "of memory, and")],
    [[], ["--model-free", "--iterations", "0"]])
  func whatDoesNotFitIsRefusedAtOnce(
    _ sizes: (inner: Int, extra: Int, message: String), _ options: [String]
  ) throws {
    try withTemporaryFolder { folder in
      let model = folder.appending(path: "model")
      try makeModel(model, inner: sizes.inner, extra: sizes.extra)
      let calibration = options.isEmpty ? ["--samples", "2", "--sequence-length", "16"] : []
      let arguments = [model.path, "--output", folder.appending(path: "out").path]
      let run = try Invocation(["quantize"] + arguments + options + calibration)
      #expect(run.status == 1)
      #expect(run.errors.contains(sizes.message), "\(run.errors)")
      #expect(try names(in: folder) == ["model"])
      guard !options.isEmpty else { return }  // Measuring would tune a block of this size.
      let plan = try Invocation(["plan"] + arguments + options)
      #expect(plan.status == 0, "\(plan.errors)")
      #expect(plan.output.contains("fits       no: "), "\(plan.output)")
    }
  }
}
