import Checkpoints
import Diagnostics
import Foundation
import GGUF
import Tensors
import TestSupport
import Testing

/// GGUF files through the writer of checkpoints.
@Suite struct GGUFWriterTests {
  let original = GGUFFileTests.url(GGUFFileTests.names[1])

  private func writer(
    _ plan: CheckpointPlan, _ output: URL, finished: Set<String>? = nil
  ) throws -> CheckpointWriter {
    let folder = try PartialFolder(output: output, sources: [], overwrite: false)
    if finished == nil { try folder.clear() }
    return try CheckpointWriter(plan, in: folder, finished: finished)
  }

  /// In any order, tensors go to their places: the file is the same, byte for byte.
  @Test(arguments: [UInt64(1), 2]) func aCopyHasTheSameBytes(seed: UInt64) throws {
    let file = try GGUFFile(opening: original)
    let bytes = try Data(contentsOf: original)
    let plan = CheckpointPlan(file.header.shard(fileName: "model.gguf"))
    #expect(plan.byteCount == bytes.count)
    #expect(plan.tensorByteCount == file.tensors.reduce(0) { $0 + $1.byteCount })
    var generator = SeededGenerator(seed: seed)
    try withTemporaryFolder { folder in
      let output = folder.appending(path: "out")
      let writer = try writer(plan, output)
      for info in file.tensors.shuffled(using: &generator) {
        try writer.write(try file.stored(info.name), named: info.name)
        expectIdentical(try writer.written(info.name), try file.stored(info.name), info.name)
      }
      try writer.finish()
      #expect(try names(in: output) == ["model.gguf"])
      #expect(try Data(contentsOf: output.appending(path: "model.gguf")) == bytes)
    }
  }

  /// A stack of experts is written slice by slice; an unfinished file is continued.
  @Test func stacksAndUnfinishedFiles() throws {
    var generator = SeededGenerator(seed: 3)
    let weights = (0..<3).map { _ in generator.tensor([4, 64]) }
    let norm = generator.tensor([64])
    var metadata = GGUFMetadata()
    metadata.append("general.architecture", .string("llama"))
    let header = try GGUFHeader(
      layingOut: [
        GGUFTensorInfo(name: "experts", type: .q80, shape: [3, 4, 64]),
        GGUFTensorInfo(name: "norm", type: .f32, shape: [64]),
      ], metadata: metadata)
    let plan = CheckpointPlan(header.shard(fileName: "model.gguf"))
    try withTemporaryFolder { folder in
      let output = folder.appending(path: "out")
      func write(_ index: Int, _ writer: CheckpointWriter) throws {
        try writer.write(
          GGUFTensorType.q80.rounded(weights[index]),
          at: TensorPlace(tensor: "experts", index: index))
      }
      do {
        let folder = try PartialFolder(output: output, sources: [], overwrite: false)
        try folder.clear()
        folder.isKept = true
        let first = try CheckpointWriter(plan, in: folder)
        try write(2, first)
        try first.synchronize(["experts[2]"])
      }
      let writer = try writer(plan, output, finished: ["experts[2]"])
      expectIdentical(
        try writer.written("experts[2]"), try GGUFTensorType.q80.rounded(weights[2]))
      expectInputError(.invalidValue, mentioning: ["'experts'", "before"]) { try write(2, writer) }
      try write(0, writer)
      try writer.write(norm, named: "norm")
      expectInputError(.missing, mentioning: ["'experts'"]) { try writer.finish() }
      try write(1, writer)
      try writer.finish()
      let file = try GGUFFile(opening: output.appending(path: "model.gguf"))
      #expect(file.metadata == metadata)
      expectIdentical(try file.numbers("norm"), norm)
      let experts = try file.numbers("experts")
      #expect(experts.shape == [3, 4, 64])
      for index in 0..<3 {
        let stored = try GGUFTensorType.q80.rounded(weights[index])
        expectIdentical(
          experts.slice(index..<index + 1).reshaped([4, 64]), GGUFTensorType.q80.numbers(stored))
      }
    }
  }
}
