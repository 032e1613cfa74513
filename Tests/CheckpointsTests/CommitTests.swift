import Checkpoints
import Diagnostics
import Foundation
import Tensors
import TestSupport
import Testing

/// What a process leaves that ends while it puts its checkpoint in place, and what the next one makes of it.
@Suite struct CommitTests {
  private func writer(_ output: URL) throws -> CheckpointWriter {
    try CheckpointWriter(
      output: output, tensors: [TensorInfo(name: "a", dtype: .uint8, shape: [2])], sources: [],
      overwrite: true)
  }

  private func complete(_ writer: CheckpointWriter, _ byte: UInt8) throws {
    try writer.write(Tensor(bytes: [byte, byte], shape: [2], dtype: .uint8), named: "a")
    try writer.write(#"{"quantization_config": {}}"#, toFile: "config.json")
    try writer.finish()
  }

  private func byte(_ folder: URL) throws -> UInt8? {
    try Data(contentsOf: folder.appending(path: "model.safetensors")).last
  }

  private func makeCheckpoint(_ folder: URL, _ content: String) throws {
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    try write(content, to: "config.json", in: folder)
    try write(String(repeating: "0", count: 64) + "  config.json\n", to: "SHA256SUMS", in: folder)
  }

  private func mark(_ partial: URL, _ folder: URL) throws {
    var status = stat()
    #expect(stat(folder.path, &status) == 0)
    try write("\(status.st_dev) \(status.st_ino)\n", to: "committing", in: partial)
  }

  private func text(_ folder: URL) throws -> String {
    try String(contentsOf: folder.appending(path: "config.json"), encoding: .utf8)
  }

  @Test func aReplacedCheckpointIsGone() throws {
    try withTemporaryFolder { folder in
      let output = folder.appending(path: "out")
      try complete(try writer(output), 1)
      try complete(try writer(output), 2)
      #expect(try byte(output) == 2)
      #expect(try names(in: folder) == ["out"])
    }
  }

  /// Ended after the rename: what is in the partial folder is scratch, or the old checkpoint.
  @Test(arguments: [false, true], [false, true])
  func afterTheRename(_ replacing: Bool, _ overwrite: Bool) throws {
    try withTemporaryFolder { folder in
      let (output, partial) = (folder.appending(path: "out"), folder.appending(path: "out.partial"))
      try makeCheckpoint(output, "new")
      try FileManager.default.createDirectory(at: partial, withIntermediateDirectories: true)
      try write("scratch", to: "block-0-original", in: partial)
      try write("blocks", to: "journal", in: partial)
      if replacing { try makeCheckpoint(partial.appending(path: "checkpoint"), "old") }
      try mark(partial, output)
      if overwrite {
        let taken = try PartialFolder(output: output, sources: [], overwrite: true)
        #expect(try names(in: partial).isEmpty)
        try taken.clear()
      } else {
        expectInputError(.unwritable, mentioning: ["exists"]) {
          try PartialFolder(output: output, sources: [], overwrite: false)
        }
      }
      #expect(try names(in: folder) == ["out"])
      #expect(try text(output) == "new")
    }
  }

  /// Ended before the rename: the run is still there to be continued.
  @Test func beforeTheRename() throws {
    try withTemporaryFolder { folder in
      let (output, partial) = (folder.appending(path: "out"), folder.appending(path: "out.partial"))
      try makeCheckpoint(output, "old")
      try makeCheckpoint(partial.appending(path: "checkpoint"), "new")
      try write("blocks", to: "journal", in: partial)
      try mark(partial, partial.appending(path: "checkpoint"))
      do {
        let taken = try PartialFolder(output: output, sources: [], overwrite: true)
        #expect(taken.isKept)
      }
      #expect(try names(in: partial) == ["checkpoint", "journal"])
      #expect(try text(output) == "old")
    }
  }

  /// Ended between two renames, where folders cannot change places in one step: the old checkpoint is back.
  @Test(arguments: [false, true])
  func betweenTwoRenames(_ overwrite: Bool) throws {
    try withTemporaryFolder { folder in
      let (output, partial) = (folder.appending(path: "out"), folder.appending(path: "out.partial"))
      try makeCheckpoint(partial.appending(path: "replaced"), "old")
      try makeCheckpoint(partial.appending(path: "checkpoint"), "new")
      try write("blocks", to: "journal", in: partial)
      try mark(partial, partial.appending(path: "checkpoint"))
      if overwrite {
        let taken = try PartialFolder(output: output, sources: [], overwrite: true)
        #expect(taken.isKept)
      } else {
        expectInputError(.unwritable, mentioning: ["exists"]) {
          try PartialFolder(output: output, sources: [], overwrite: false)
        }
      }
      #expect(try text(output) == "old")
      #expect(try names(in: partial) == ["checkpoint", "journal"])
    }
  }
}
