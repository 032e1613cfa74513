import Checkpoints
import Diagnostics
import Foundation
import JSONText
import Tensors
import TestSupport
import Testing

@Suite struct CheckpointWriterTests {
  /// Copies all of a checkpoint, tensors in the order given.
  func copy(
    _ checkpoint: Checkpoint, to output: URL, order: [String]? = nil, overwrite: Bool = false,
    shardByteCountLimit: Int = 5_000_000_000
  ) throws {
    let writer = try CheckpointWriter(
      output: output, tensors: checkpoint.tensorNames.compactMap(checkpoint.info),
      sources: [checkpoint.folder], overwrite: overwrite,
      shardByteCountLimit: shardByteCountLimit)
    #expect(writer.tensorByteCount == checkpoint.byteCount)
    for name in order ?? checkpoint.tensorNames {
      try writer.write(try checkpoint.tensor(name), named: name)
    }
    for file in checkpoint.otherFiles { try writer.copyFile(file) }
    try writer.write(checkpoint.configuration.text(indentation: 2) + "\n", toFile: "config.json")
    try writer.finish()
  }

  func expectSameTensors(_ copy: Checkpoint, _ original: Checkpoint) throws {
    #expect(copy.tensorNames.sorted() == original.tensorNames.sorted())
    for name in original.tensorNames {
      expectIdentical(try copy.tensor(name), try original.tensor(name), name)
    }
    #expect(copy.configuration == original.configuration)
  }

  /// The reference implementation wrote the original: same tensors, same bytes.
  @Test(arguments: ["formats/w4a16", "formats/mixed_w2_w4", "models/llama"])
  func aCopyHasTheBytesThatTheReferenceImplementationWrites(name: String) throws {
    let original = Fixtures.folder.appending(path: name)
    try withTemporaryFolder { folder in
      let output = folder.appending(path: "copy")
      try copy(Checkpoint(opening: original), to: output)
      let files = try [output, original].map {
        try Data(contentsOf: $0.appending(path: "model.safetensors"))
      }
      #expect(files[0] == files[1])
      #expect(try names(in: folder) == ["copy"])
    }
  }

  @Test(arguments: [1, 8_192, 30_000, 100_000])
  func shardedCopiesReadBack(limit: Int) throws {
    let original = try Checkpoint(
      opening: Fixtures.folder.appending(path: "models/llama-bf16-sharded"))
    try withTemporaryFolder { folder in
      let output = folder.appending(path: "copy")
      try copy(original, to: output, shardByteCountLimit: limit)
      let written = try Checkpoint(opening: output)
      try expectSameTensors(written, original)
      let plan = try CheckpointPlan(
        original.tensorNames.compactMap(original.info), shardByteCountLimit: limit)
      for shard in plan.shards {
        let file = try Data(contentsOf: output.appending(path: shard.fileName))
        #expect(file.count == shard.byteCount)
      }
      let index = try JSONValue.parse(contentsOf: output.appending(path: ShardIndex.fileName))
      #expect(index["metadata"]?["total_size"]?.intValue == 189_056)
      #expect(index["weight_map"]?.objectValue?.count == original.tensorNames.count)
    }
  }

  @Test(arguments: [UInt64(1), 2, 3])
  func theOrderOfWritingDoesNotChangeAnyByte(seed: UInt64) throws {
    let original = try Checkpoint(opening: Fixtures.folder.appending(path: "models/qwen3"))
    var generator = SeededGenerator(seed: seed)
    let order = original.tensorNames.shuffled(using: &generator)
    try withTemporaryFolder { folder in
      let outputs = ["a", "b"].map { folder.appending(path: $0) }
      try copy(original, to: outputs[0], shardByteCountLimit: 50_000)
      try copy(original, to: outputs[1], order: order, shardByteCountLimit: 50_000)
      let written = try outputs.map(names)
      #expect(written[0] == written[1])
      for name in written[0] {
        let files = try outputs.map { try Data(contentsOf: $0.appending(path: name)) }
        #expect(files[0] == files[1], "\(name)")
      }
    }
  }

  @Test func carriesFilesAndTemplateFoldersAlong() throws {
    try withTemporaryFolder { folder in
      let source = folder.appending(path: "source")
      let templates = source.appending(path: "additional_chat_templates")
      try FileManager.default.createDirectory(at: templates, withIntermediateDirectories: true)
      try write("{}", to: "config.json", in: source)
      try write("{{ messages }}", to: "tool_use.jinja", in: templates)
      try write("words", to: "real.txt", in: source)
      try FileManager.default.createSymbolicLink(
        atPath: source.appending(path: "LICENSE").path, withDestinationPath: "real.txt")
      try write(
        safetensorsBytes(#"{"a":{"dtype":"I8","shape":[0],"data_offsets":[0,0]}}"#),
        to: "model.safetensors", in: source)
      let output = folder.appending(path: "copy")
      try copy(Checkpoint(opening: source), to: output)
      #expect(
        try names(in: output) == [
          "LICENSE", "additional_chat_templates", "config.json", "model.safetensors",
        ])
      let template = output.appending(path: "additional_chat_templates/tool_use.jinja")
      #expect(try String(contentsOf: template, encoding: .utf8) == "{{ messages }}")
      let license = output.appending(path: "LICENSE")
      #expect(try String(contentsOf: license, encoding: .utf8) == "words")
      #expect(
        try FileManager.default.attributesOfItem(atPath: license.path)[.type] as? FileAttributeType
          == .typeRegular)
    }
  }

  @Test func tensorsMustBeAsAnnounced() throws {
    try withTemporaryFolder { folder in
      let output = folder.appending(path: "out")
      let writer = try CheckpointWriter(
        output: output,
        tensors: [
          TensorInfo(name: "a", dtype: .float32, shape: [2]),
          TensorInfo(name: "b", dtype: .float32, shape: [2]),
        ], sources: [], overwrite: false)
      let tensor = Tensor([1, 2], shape: [2])
      expectInputError(.invalidValue, mentioning: [output.path, "'c'", "not among"]) {
        try writer.write(tensor, named: "c")
      }
      expectInputError(.invalidValue, mentioning: ["'a'", "f32 [2, 1]", "f32 [2]"]) {
        try writer.write(Tensor([1, 2], shape: [2, 1]), named: "a")
      }
      expectInputError(.invalidValue, mentioning: ["'a'", "bf16 [2]"]) {
        try writer.write(tensor.converted(to: .bfloat16), named: "a")
      }
      try writer.write(tensor, named: "a")
      expectInputError(.invalidValue, mentioning: ["'a'", "before"]) {
        try writer.write(tensor, named: "a")
      }
      expectInputError(.missing, mentioning: ["1 of 2", "'b'"]) { try writer.finish() }
      #expect(!FileManager.default.fileExists(atPath: output.path))
      try writer.write(tensor, named: "b")
      try writer.finish()
      #expect(try names(in: output) == ["model.safetensors"])
    }
  }

  /// Rows are counted over all dimensions but the last; a row that is there, or none, is no place for another.
  @Test func rowsAreWrittenInAnyOrder() throws {
    try withTemporaryFolder { folder in
      let output = folder.appending(path: "out")
      let numbers = Tensor((0..<24).map(Float.init), shape: [2, 4, 3])
      let writer = try CheckpointWriter(
        output: output, tensors: [TensorInfo(name: "a", dtype: .float32, shape: [2, 4, 3])],
        sources: [], overwrite: false)
      let rows = numbers.reshaped([8, 3])
      try writer.write(rows.slice(5..<8), fromRow: 5, of: "a")
      expectInputError(.invalidValue, mentioning: ["'a'", "before"]) {
        try writer.write(
          numbers.slice(1..<2).reshaped([4, 3]), at: TensorPlace(tensor: "a", index: 1))
      }
      expectInputError(.invalidValue, mentioning: ["'a'", "not among"]) {
        try writer.write(rows.slice(0..<2), fromRow: 7, of: "a")
      }
      expectInputError(.invalidValue, mentioning: ["'a'", "f32 [2, 4]", "f32 [2, 3]"]) {
        try writer.write(Tensor(zeros: [2, 4], dtype: .float32), fromRow: 0, of: "a")
      }
      expectInputError(.missing, mentioning: ["'a'", "not written"]) { _ = try writer.written("a") }
      try writer.write(rows.slice(4..<5), fromRow: 4, of: "a")
      #expect(try writer.written("a[1]").floats() == Array(numbers.floats()[12...]))
      expectInputError(.missing, mentioning: ["1 of 1"]) { try writer.finish() }
      try writer.write(
        numbers.slice(0..<1).reshaped([4, 3]), at: TensorPlace(tensor: "a", index: 0))
      try writer.write("{}", toFile: "config.json")
      try writer.finish()
      #expect(try Checkpoint(opening: output).tensor("a").floats() == numbers.floats())
    }
  }

  @Test func filesMustHavePlainAndNewNames() throws {
    try withTemporaryFolder { folder in
      let writer = try CheckpointWriter(
        output: folder.appending(path: "out"),
        tensors: ["a", "b"].map { TensorInfo(name: $0, dtype: .uint8, shape: [1]) }, sources: [],
        overwrite: false, shardByteCountLimit: 1)
      for name in ["", ".", "..", "../x", "/x", "a/b", "a\0b"] {
        expectInputError(.invalidValue, mentioning: ["not the name of a file"]) {
          try writer.write("text", toFile: name)
        }
      }
      try writer.write("text", toFile: "config.json")
      for name in ["config.json", "model-00001-of-00002.safetensors", ShardIndex.fileName] {
        expectInputError(.unwritable, mentioning: [name, "exists"]) {
          try writer.write("text", toFile: name)
        }
      }
      expectInputError(.unreadable, mentioning: ["none.txt"]) {
        try writer.copyFile(folder.appending(path: "none.txt"))
      }
    }
  }
}
