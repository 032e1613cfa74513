import Checkpoints
import Diagnostics
import Foundation
import TestSupport
import Testing

/// Which folders give way to a checkpoint, whoever asks for it: all writers come by the same check.
@Suite struct ReplaceableFolderTests {
  private func take(_ folder: URL) throws {
    try PartialFolder(output: folder, sources: [], overwrite: true).discard()
  }

  private func make(_ folder: URL, _ files: [String: String]) throws {
    for (name, text) in files {
      let file = folder.appending(path: name)
      try FileManager.default.createDirectory(
        at: file.deletingLastPathComponent(), withIntermediateDirectories: true)
      try Data(text.utf8).write(to: file)
    }
  }

  private static let quantized = #"{"model_type": "llama", "quantization_config": {"a": 1}}"#
  private static let digest = String(repeating: "0", count: 64)
  private static let sums = String(repeating: "0", count: 64) + "  config.json\n"

  @Test(arguments: [
    [:], ["config.json": quantized], ["config.json": quantized, "model.bin": "any quantizer's"],
    ["config.json": "{}", "SHA256SUMS": sums],
    ["config.json": quantized, "merges.txt": "", "model.safetensors": "", "LICENSE": "free"],
    ["config.json": quantized, "SHA256SUMS": sums + digest + "  odd.name\n", "odd.name": ""],
    ["config.json": quantized, "additional_chat_templates/tools.jinja": "{}"],
  ])
  func whatAQuantizerWroteGivesWay(_ files: [String: String]) throws {
    try withTemporaryFolder { folder in
      let output = folder.appending(path: "out")
      try FileManager.default.createDirectory(at: output, withIntermediateDirectories: true)
      try make(output, files)
      try take(output)
    }
  }

  @Test(arguments: [
    (["config.json": #"{"port": 8080}"#], "no quantized checkpoint"),
    (["config.json": "[]", "model.safetensors": ""], "no quantized checkpoint"),
    (
      ["config.json": #"{"model_type": "llama"}"#, "model.safetensors": ""], "quantized checkpoint"
    ),
    (["config.json": "{}", "SHA256SUMS": "0  other.iso\n"], "no quantized checkpoint"),
    (["SHA256SUMS": sums], "no quantized checkpoint"),
    (["config.json": quantized, ".git/HEAD": "main"], "'.git'"),
    (["config.json": quantized, ".git": "gitdir: elsewhere"], "'.git'"),
    (["config.json": quantized, "SHA256SUMS": sums, "src/main.js": "code"], "'src'"),
    (["config.json": quantized, "empty/": ""], "'empty'"),
    (["config.json": quantized, "notes.txt": "mine"], "'notes.txt'"),
    (["config.json": quantized, "SHA256SUMS": sums, "thesis.pdf": "mine"], "'thesis.pdf'"),
  ])
  func everythingElseStays(_ files: [String: String], _ reason: String) throws {
    try withTemporaryFolder { folder in
      let output = folder.appending(path: "out")
      for (name, text) in files {
        if name.hasSuffix("/") {
          try FileManager.default.createDirectory(
            at: output.appending(path: name), withIntermediateDirectories: true)
        } else {
          try make(output, [name: text])
        }
      }
      let before = try FileManager.default.subpathsOfDirectory(atPath: output.path).sorted()
      expectInputError(.unwritable, mentioning: [output.path, reason, "not overwritten"]) {
        try take(output)
      }
      #expect(try FileManager.default.subpathsOfDirectory(atPath: output.path).sorted() == before)
      #expect(try names(in: folder) == ["out"])
    }
  }

  @Test func theWorkingFolderStays() throws {
    try withTemporaryFolder { folder in
      let output = folder.appending(path: "out")
      try make(output, ["config.json": Self.quantized])
      let before = FileManager.default.currentDirectoryPath
      defer { _ = FileManager.default.changeCurrentDirectoryPath(before) }
      #expect(FileManager.default.changeCurrentDirectoryPath(output.path))
      for path in ["", ".", "../out", output.path] {
        expectInputError(.unwritable, mentioning: ["working folder"]) {
          try take(URL(filePath: path))
        }
      }
      #expect(try names(in: output) == ["config.json"])
      #expect(try names(in: folder) == ["out"])
    }
  }

  /// What lies beside the output under the name of a run's scratch is removed by runs, so it must be theirs.
  @Test func aFolderThatOnlyHasTheNameOfScratchStays() throws {
    try withTemporaryFolder { folder in
      let partial = folder.appending(path: "out.partial")
      try make(partial, ["thesis.txt": "precious", "journal": "mine"])
      expectInputError(.unwritable, mentioning: ["out.partial", "'thesis.txt'"]) {
        try PartialFolder(output: folder.appending(path: "out"), sources: [], overwrite: true)
          .clear()
      }
      #expect(try names(in: partial) == ["journal", "thesis.txt"])
    }
  }
}
