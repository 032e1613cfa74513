import Checkpoints
import Diagnostics
import Foundation
import Tensors
import TestSupport
import Testing

/// Where a checkpoint may be written, and what is left when it is not.
@Suite struct CheckpointOutputTests {
  let tensors = [TensorInfo(name: "a", dtype: .uint8, shape: [2])]

  func writer(
    _ output: URL, sources: [URL] = [], overwrite: Bool = false
  ) throws -> CheckpointWriter {
    try CheckpointWriter(output: output, tensors: tensors, sources: sources, overwrite: overwrite)
  }

  /// Writes a whole checkpoint whose tensor holds `byte`.
  func complete(_ writer: CheckpointWriter, _ byte: UInt8 = 7) throws {
    try writer.write(Tensor([byte, byte], shape: [2], dtype: .uint8), named: "a")
    try writer.write(#"{"quantization_config": {}}"#, toFile: "config.json")
    try writer.finish()
  }

  func bytes(_ folder: URL) throws -> [UInt8] {
    try Checkpoint(opening: folder).tensor("a").bytes
  }

  func makeFolder(_ url: URL) throws {
    try FileManager.default.createDirectory(at: url, withIntermediateDirectories: true)
  }

  @Test func nothingIsAtTheOutputUntilAllIsThere() throws {
    try withTemporaryFolder { folder in
      let output = folder.appending(path: "out")
      let writer = try writer(output)
      #expect(try names(in: folder) == ["out.partial"])
      try complete(writer)
      #expect(try names(in: folder) == ["out"])
      #expect(try bytes(output) == [7, 7])
      writer.discard()
      #expect(try names(in: folder) == ["out"])
    }
  }

  @Test func nothingRemainsOfAWriterThatIsDroppedOrDiscarded() throws {
    try withTemporaryFolder { folder in
      let output = folder.appending(path: "out")
      do {
        let dropped = try writer(output)
        try dropped.write("{}", toFile: "config.json")
      }
      #expect(try names(in: folder).isEmpty)
      let discarded = try writer(output)
      discarded.discard()
      #expect(try names(in: folder).isEmpty)
    }
  }

  @Test func whatExistsIsKeptUnlessItMayBeOverwritten() throws {
    try withTemporaryFolder { folder in
      let output = folder.appending(path: "out")
      try complete(try writer(output))
      expectInputError(.unwritable, mentioning: [output.path, "exists"]) { try writer(output) }
      // Up to the end the old checkpoint is there, and stays if the new one is given up.
      try writer(output, overwrite: true).discard()
      #expect(try bytes(output) == [7, 7])
      let replacing = try writer(output, overwrite: true)
      #expect(try bytes(output) == [7, 7])
      try complete(replacing, 9)
      #expect(try bytes(output) == [9, 9])
      #expect(try names(in: folder) == ["out"])
    }
  }

  @Test func onlyCheckpointsAndEmptyFoldersAreOverwritten() throws {
    try withTemporaryFolder { folder in
      let documents = folder.appending(path: "documents")
      try makeFolder(documents)
      try write("precious", to: "letter.txt", in: documents)
      expectInputError(.unwritable, mentioning: ["'letter.txt'"]) {
        try writer(documents, overwrite: true)
      }
      let file = try write("precious", to: "file", in: folder)
      expectInputError(.unwritable, mentioning: ["is a file"]) {
        try writer(file, overwrite: true)
      }
      let empty = folder.appending(path: "empty")
      try makeFolder(empty)
      expectInputError(.unwritable, mentioning: ["exists"]) { try writer(empty) }
      try complete(try writer(empty, overwrite: true))
      #expect(try bytes(empty) == [7, 7])
      #expect(try names(in: folder) == ["documents", "empty", "file"])
    }
  }

  @Test func anOutputThatAppearsMeanwhileIsNotReplaced() throws {
    try withTemporaryFolder { folder in
      let output = folder.appending(path: "out")
      let writer = try writer(output)
      try makeFolder(output)
      expectInputError(.unwritable, mentioning: ["exists"]) { try complete(writer) }
      try FileManager.default.removeItem(at: output)
      try writer.finish()
      #expect(try bytes(output) == [7, 7])
    }
  }

  @Test func theLeavingsOfACrashAreReplaced() throws {
    try withTemporaryFolder { folder in
      let partial = folder.appending(path: "out.partial")
      try makeFolder(partial.appending(path: "checkpoint/sub"))
      try write("old", to: "checkpoint/model.safetensors", in: partial)
      try write("old", to: "block-0-original", in: partial)
      try complete(try writer(folder.appending(path: "out")))
      #expect(
        try names(in: folder.appending(path: "out")) == ["config.json", "model.safetensors"])
    }
  }

  @Test func twoRunsCannotWriteTheSameOutput() throws {
    try withTemporaryFolder { folder in
      let output = folder.appending(path: "out")
      let first = try writer(output)
      expectInputError(.unwritable, mentioning: ["out.partial", "another run"]) {
        try writer(output)
      }
      // The refused run must not have harmed the first.
      try complete(first)
      #expect(try bytes(output) == [7, 7])
      try complete(try writer(output, overwrite: true), 8)
    }
  }

  @Test func inputAndOutputMustBeApart() throws {
    try withTemporaryFolder { folder in
      let input = folder.appending(path: "input")
      let inner = input.appending(path: "inner/deep")
      try makeFolder(inner)
      try write("{}", to: "config.json", in: input)
      try FileManager.default.createSymbolicLink(
        at: folder.appending(path: "link"), withDestinationURL: input)
      let before = try names(in: input)
      let forbidden = [
        "input", "input/", "input/new", "input/inner/new", "link", "link/new",
        "./input/../input/new",
        "input/inner/../new",
      ]
      for path in forbidden {
        expectInputError(.unwritable, mentioning: ["input"]) {
          try writer(folder.appending(path: path), sources: [input], overwrite: true)
        }
      }
      expectInputError(.unwritable, mentioning: ["holds the input"]) {
        try writer(input, sources: [inner], overwrite: true)
      }
      expectInputError(.unwritable, mentioning: ["input"]) {
        try writer(folder.appending(path: "input/new"), sources: [folder.appending(path: "link")])
      }
      #expect(try names(in: input) == before)
      // Beside it, and with a name that only begins alike, is fine.
      try complete(try writer(folder.appending(path: "input2"), sources: [input]))
      try complete(try writer(folder.appending(path: "inp"), sources: [input]))
    }
  }

  @Test func anInputInThePartialFolderIsNotCleared() throws {
    try withTemporaryFolder { folder in
      let partial = folder.appending(path: "out.partial")
      try makeFolder(partial)
      try write("{}", to: "config.json", in: partial)
      expectInputError(.unwritable, mentioning: ["out.partial"]) {
        try writer(folder.appending(path: "out"), sources: [partial])
      }
      #expect(try names(in: partial) == ["config.json"])
    }
  }

  @Test func linksLeadToTheRealOutput() throws {
    try withTemporaryFolder { folder in
      let disk = folder.appending(path: "disk")
      try makeFolder(disk)
      let link = folder.appending(path: "link")
      try FileManager.default.createSymbolicLink(at: link, withDestinationURL: disk)
      try complete(try writer(link.appending(path: "out")))
      #expect(try names(in: disk) == ["out"])
      let outputLink = folder.appending(path: "current")
      try FileManager.default.createSymbolicLink(
        at: outputLink, withDestinationURL: disk.appending(path: "out"))
      try complete(try writer(outputLink, overwrite: true), 9)
      #expect(try bytes(disk.appending(path: "out")) == [9, 9])
      #expect(try names(in: folder) == ["current", "disk", "link"])
      let dangling = folder.appending(path: "dangling")
      try FileManager.default.createSymbolicLink(
        atPath: dangling.path, withDestinationPath: "nowhere")
      expectInputError(.unwritable, mentioning: ["leads nowhere"]) { try writer(dangling) }
    }
  }

  @Test func placesThatCannotBeWrittenAreNamed() throws {
    try withTemporaryFolder { folder in
      expectInputError(.unwritable, mentioning: ["missing/out", "does not exist"]) {
        try writer(folder.appending(path: "missing/out"))
      }
      let file = try write("x", to: "file", in: folder)
      expectInputError(.unwritable, mentioning: ["does not exist"]) {
        try writer(file.appending(path: "out"))
      }
      try write("x", to: "out.partial", in: folder)
      expectInputError(.unwritable, mentioning: ["out.partial"]) {
        try writer(folder.appending(path: "out"))
      }
      // A folder in which not even the superuser can create anything.
      expectInputError(.unwritable, mentioning: ["/proc/", "/out.partial"]) {
        try writer(URL(filePath: "/proc/self/out"))
      }
      #expect(try names(in: folder) == ["file", "out.partial"])
    }
  }

  @Test func whatCannotFitIsRefusedBeforeAnythingIsWritten() throws {
    try withTemporaryFolder { folder in
      let huge = [TensorInfo(name: "a", dtype: .uint8, shape: [1 << 60])]
      expectInputError(.unwritable, mentioning: ["out", "are free"]) {
        try CheckpointWriter(
          output: folder.appending(path: "out"), tensors: huge, sources: [], overwrite: false)
      }
      let left = try names(in: folder)
      #expect(left.isEmpty)
    }
  }

  @Test func aFullDiskIsReportedWithPathAndBytes() throws {
    let file = try OutputFile(opening: "/dev/full")
    expectInputError(.unwritable, mentioning: ["/dev/full", "3 bytes", "No space left"]) {
      try file.write([1, 2, 3], at: 0)
    }
    expectInputError(.unwritable, mentioning: ["/dev/full", "4096 bytes", "No space left"]) {
      try file.write(Tensor(zeros: [1024], dtype: .float32), at: 0)
    }
  }

  /// A run that is killed leaves its lock to nobody.
  @Test func aLockEndsWithItsProcess() throws {
    try withTemporaryFolder { folder in
      let partial = folder.appending(path: "out.partial")
      try makeFolder(partial)
      let killed = try CommandRun(
        URL(filePath: "/bin/sh"), ["-c", "exec 9<\(partial.path); flock -n 9 && kill -9 $$"])
      #expect(killed.status == 137)
      try complete(try writer(folder.appending(path: "out")))
    }
  }
}
