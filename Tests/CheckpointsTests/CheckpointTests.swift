import Checkpoints
import Diagnostics
import Foundation
import JSONText
import Tensors
import TestSupport
import Testing

@Suite struct CheckpointTests {
  /// A file with one byte tensor for each name.
  func shard(_ names: String...) -> [UInt8] {
    let entries = names.enumerated().map {
      #""\#($1)":{"dtype":"U8","shape":[1],"data_offsets":[\#($0),\#($0 + 1)]}"#
    }
    return safetensorsBytes("{\(entries.joined(separator: ","))}", data: names.count)
  }

  func index(_ map: String) -> String { #"{"metadata":{},"weight_map":\#(map)}"# }

  /// Opens a folder with a configuration and `files`.
  func open(_ files: [String: [UInt8]], configuration: String? = "{}") throws -> Checkpoint {
    try withTemporaryFolder { folder in
      if let configuration { try write(configuration, to: "config.json", in: folder) }
      for (name, bytes) in files { try write(bytes, to: name, in: folder) }
      return try Checkpoint(opening: folder)
    }
  }

  @Test func readsAShardedCheckpoint() throws {
    let folder = Fixtures.folder.appending(path: "models/llama-bf16-sharded")
    let checkpoint = try Checkpoint(opening: folder)
    #expect(checkpoint.configuration["model_type"] == "llama")
    #expect(checkpoint.tensorNames.count == 21)
    #expect(checkpoint.byteCount == 189_056)
    #expect(checkpoint.tensorNames == checkpoint.tensorNames.filter(checkpoint.contains))
    let info = try #require(checkpoint.info("model.layers.1.mlp.down_proj.weight"))
    #expect(info.dtype == .bfloat16 && info.shape == [64, 96])
    let embedding = try checkpoint.tensor("model.embed_tokens.weight", shape: [256, 64])
    // The oracle holds the embedding of known tokens, widened from these bytes.
    let oracle = try SafetensorsFile(opening: folder.appending(path: "oracle.safetensors"))
    let ids = try oracle.tensor("input_ids").elements(as: Int64.self)
    let rows = ids.flatMap { embedding.slice(Int($0)..<Int($0) + 1).floats() }
    expectClose(
      Tensor(rows, shape: [2, 24, 64]), try oracle.tensor("hidden_states.0"), .exact, "embedding")
  }

  @Test(arguments: ["llama", "llama3-rope", "mistral", "qwen2", "qwen3"])
  func readsSingleFileCheckpoints(name: String) throws {
    let checkpoint = try Checkpoint(opening: Fixtures.folder.appending(path: "models/\(name)"))
    #expect(checkpoint.otherFiles.isEmpty)
    for name in checkpoint.tensorNames {
      let tensor = try checkpoint.tensor(name)
      #expect(tensor.floats().everySatisfies { $0.isFinite })
      #expect(checkpoint.info(name)?.shape == tensor.shape)
    }
  }

  @Test func carriesAlongWhatAModelNeedsBesidesItsWeights() throws {
    let checkpoint = try Checkpoint(
      opening: Fixtures.examples.appending(path: "books-llama-6m"))
    #expect(
      checkpoint.otherFiles.map(\.lastPathComponent) == [
        "generation_config.json", "tokenizer.json", "tokenizer_config.json",
      ])
    let carried = [
      "LICENSE", "Notice.txt", "added_tokens.json", "chat_template.jinja", "generation_config.json",
      "merges.txt", "modeling_x.py", "qwen.tiktoken", "special_tokens_map.json", "spiece.model",
      "tokenizer.json", "tokenizer.model.v3", "tokenizer_config.json", "vocab.json",
    ]
    let left = [
      "README.md", ".gitattributes", "pytorch_model.bin", "consolidated.safetensors",
      "training.log",
      "quantization_config.json",
    ]
    try withTemporaryFolder { folder in
      try write("{}", to: "config.json", in: folder)
      try write(shard("a"), to: "model.safetensors", in: folder)
      for name in carried + left { try write("x", to: name, in: folder) }
      for name in ["additional_chat_templates", "tokenizer_backup"] {
        try FileManager.default.createDirectory(
          at: folder.appending(path: name), withIntermediateDirectories: false)
      }
      let checkpoint = try Checkpoint(opening: folder)
      #expect(
        checkpoint.otherFiles.map(\.lastPathComponent)
          == (carried + ["additional_chat_templates"]).sorted())
    }
  }

  @Test func followsTheLinksOfADownloadCache() throws {
    try withTemporaryFolder { cache in
      let blobs = cache.appending(path: "blobs")
      let snapshot = cache.appending(path: "snapshots/0123")
      let files = FileManager.default
      for folder in [blobs, snapshot] {
        try files.createDirectory(at: folder, withIntermediateDirectories: true)
      }
      let contents: [String: [UInt8]] = [
        "config.json": Array("{}".utf8), "tokenizer.json": Array("{}".utf8),
        "model.safetensors": shard("a"),
      ]
      for (name, bytes) in contents {
        try write(bytes, to: "blob-of-\(name)", in: blobs)
        try files.createSymbolicLink(
          atPath: snapshot.appending(path: name).path,
          withDestinationPath: "../../blobs/blob-of-\(name)")
      }
      let checkpoint = try Checkpoint(opening: snapshot)
      #expect(try checkpoint.tensor("a").bytes == [0])
      #expect(checkpoint.otherFiles.map(\.lastPathComponent) == ["tokenizer.json"])
    }
  }

  @Test func namesWhatIsMissingOrOfAnotherTypeOrShape() throws {
    let checkpoint = try open(["model.safetensors": shard("a")])
    expectInputError(.missing, mentioning: ["tensor 'b'", "1 tensors"]) {
      try checkpoint.tensor("b")
    }
    #expect(checkpoint.info("b") == nil && !checkpoint.contains("b"))
    #expect(try checkpoint.tensor("a", shape: [1], dtype: .uint8).bytes == [0])
    let mentioned = ["model.safetensors", "tensor 'a'", "u8 elements of shape [1]"]
    expectInputError(.malformed, mentioning: mentioned + ["expected u8 elements of shape [2, 3]"]) {
      try checkpoint.tensor("a", shape: [2, 3], dtype: .uint8)
    }
    expectInputError(.malformed, mentioning: mentioned + ["expected i8 elements of shape [1]"]) {
      try checkpoint.tensor("a", shape: [1], dtype: .int8)
    }
    // Integers, where arithmetic on the elements is to follow.
    expectInputError(.malformed, mentioning: mentioned + ["floating-point", "[1]"]) {
      try checkpoint.tensor("a", shape: [1])
    }
    let llama = try Checkpoint(opening: Fixtures.folder.appending(path: "models/llama"))
    expectInputError(.malformed, mentioning: ["f32", "[64]", "[65]"]) {
      try llama.tensor("model.norm.weight", shape: [65])
    }
  }

  @Test func theSingleFileGoesBeforeTheIndex() throws {
    let checkpoint = try open([
      "model.safetensors": shard("a"), "model.safetensors.index.json": Array("no JSON".utf8),
    ])
    #expect(checkpoint.tensorNames == ["a"])
  }

  @Test func tensorsThatTheIndexForgetsAreNotLost() throws {
    let checkpoint = try open([
      "y.safetensors": shard("c"), "x.safetensors": shard("b", "a"),
      "model.safetensors.index.json": Array(
        index(#"{"c":"y.safetensors","a":"x.safetensors"}"#).utf8),
    ])
    #expect(checkpoint.tensorNames == ["b", "a", "c"])
  }

  @Test(arguments: [
    (
      #"{"a":"s.safetensors","b":"none.safetensors"}"#, InputError.Code.missing,
      "'none.safetensors'"
    ),
    (#"{"a":"s.safetensors","b":"s.safetensors"}"#, .missing, "tensor 'b'"),
    (#"{"a":"../s.safetensors"}"#, .invalidValue, "'../s.safetensors'"),
    (#"{"a":"/etc/s.safetensors"}"#, .invalidValue, "plain name"),
    (#"{"a":"sub/s.safetensors"}"#, .invalidValue, "plain name"),
    (#"{"a":"..\\s.safetensors"}"#, .invalidValue, "plain name"),
    (#"{"a":"s\u0000.safetensors"}"#, .invalidValue, "plain name"),
    (#"{"a":".."}"#, .invalidValue, "plain name"),
    (#"{"a":""}"#, .invalidValue, "plain name"),
    (#"{"a":"config.json"}"#, .invalidValue, ".safetensors"),
    (#"{"a":7}"#, .invalidValue, "weight_map.a"),
    (#"{"a":"s.safetensors","a":"t.safetensors"}"#, .malformed, "twice"),
    (#"[]"#, .invalidValue, "weight_map"),
    (#"{"a":"s.safetensors","c":"t.safetensors"}"#, .malformed, "tensor 'a'"),
    (#"{"a":"s.safetensors","d":"cut.safetensors"}"#, .malformed, "cut.safetensors"),
  ])
  func contradictionsOfTheIndexAreRefused(
    map: String, code: InputError.Code, mentioned: String
  ) throws {
    expectInputError(code, mentioning: [mentioned]) {
      try open([
        "s.safetensors": shard("a"), "t.safetensors": shard("a", "c"),
        "cut.safetensors": [1, 2, 3], ShardIndex.fileName: Array(index(map).utf8),
      ])
    }
  }

  @Test func badConfigurationsAndFoldersAreRefused() throws {
    let weights = ["model.safetensors": shard("a")]
    expectInputError(.missing, mentioning: ["config.json"]) {
      try open(weights, configuration: nil)
    }
    for text in ["", "{", "nothing", "{\"a\":NaN}", "{\"a\":1,\"a\":2}", "\u{FEFF}{}", "[1]", "7"] {
      expectInputError(.malformed, mentioning: ["config.json"]) {
        try open(weights, configuration: text)
      }
    }
    expectInputError(.missing, mentioning: ["model.safetensors"]) { try open([:]) }
    expectInputError(.missing, mentioning: ["model.safetensors.index.json"]) {
      try open(["model-00001-of-00002.safetensors": shard("a")])
    }
    expectInputError(.unsupported, mentioning: ["'pytorch_model.bin'"]) {
      try open(["pytorch_model.bin": [1]])
    }
    expectInputError(.unreadable, mentioning: ["no such folder"]) {
      try Checkpoint(opening: URL(filePath: "/nowhere/at/all"))
    }
    expectInputError(.unreadable, mentioning: ["is a file"]) {
      try Checkpoint(opening: Fixtures.package.appending(path: "Package.swift"))
    }
  }
}
