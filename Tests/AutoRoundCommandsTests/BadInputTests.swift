import Foundation
import JSONText
import TestSupport
import Testing

/// Everything that can be wrong with what a user hands over: one clear sentence, an exit status of 1, and
/// nothing left behind.
@Suite struct BadInputTests {
  /// A way to spoil a good command, and what the error must say.
  struct Case: Sendable, CustomTestStringConvertible {
    var testDescription: String
    /// Spoils the copy of the example model, or files beside it, and returns further arguments.
    var spoil: @Sendable (Workplace) throws -> [String]
    /// Texts that the error contains.
    var mentions: [String]
  }

  /// A folder with a copy of the example model that a case may spoil.
  struct Workplace {
    var folder: URL
    var model: URL { folder.appending(path: "model") }
    var output: URL { folder.appending(path: "out") }

    func write(_ text: String, to name: String) throws -> String {
      let file = folder.appending(path: name)
      try Data(text.utf8).write(to: file)
      return file.path
    }

    func edit(_ name: String, _ change: (inout Data) throws -> Void) throws {
      let file = model.appending(path: name)
      var data = try Data(contentsOf: file)
      try change(&data)
      try data.write(to: file)
    }

    func edit(configuration change: (inout JSONValue) -> Void) throws {
      try edit("config.json") { data in
        var value = try JSONValue.parse(data)
        change(&value)
        data = Data(value.text().utf8)
      }
    }

    /// Adds a tensor of one element.
    func add(tensor name: String) throws {
      try edit("model.safetensors") { data in
        let length = data.prefix(8).enumerated().reduce(0) {
          $0 | Int($1.element) << (8 * $1.offset)
        }
        var header = try JSONValue.parse(data[8..<8 + length])
        let end = data.count - 8 - length
        header.set(
          name,
          ["dtype": "BF16", "shape": [1], "data_offsets": [JSONValue(end), JSONValue(end + 2)]])
        let text = Data(header.text().utf8)
        data =
          withUnsafeBytes(of: UInt64(text.count).littleEndian) { Data($0) } + text
          + data[(8 + length)...] + Data([0x80, 0x3F])
      }
    }

    func remove(_ name: String) throws {
      try FileManager.default.removeItem(at: model.appending(path: name))
    }
  }

  @Test(arguments: cases)
  func isRefusedInOneSentence(_ spoiled: Case) throws {
    try withTemporaryFolder { folder in
      let workplace = Workplace(folder: folder)
      try FileManager.default.copyItem(
        at: Fixtures.examples.appending(path: "books-llama-6m"), to: workplace.model)
      let arguments = try spoiled.spoil(workplace)
      let before = try contents(of: folder)
      let output = arguments.contains("--output") ? [] : ["--output", workplace.output.path]
      let length = arguments.contains("--sequence-length") ? [] : ["--sequence-length", "64"]
      let run = try Invocation(
        ["quantize", workplace.model.path, "--samples", "2", "--iterations", "1"] + output + length
          + arguments)
      #expect(run.status == 1, "\(run.errors)")
      let errors = run.errors.split(separator: "\n").filter { $0.hasPrefix("error: ") }
      #expect(errors.count == 1, "\(run.errors)")
      for text in spoiled.mentions where !text.isEmpty {
        #expect(errors.first?.contains(text) == true, "\(run.errors) should mention \(text)")
      }
      // Blocks that were finished before the failure are kept for the next run, and that is said.
      let isKept = run.errors.contains("blocks are kept in")
      let after = try contents(of: folder).filter { !(isKept && $0.name.contains(".partial")) }
      #expect(after == before, "something was left behind or changed")
    }
  }

  @Test func anOutputThatExistsIsKept() throws {
    try withTemporaryFolder { folder in
      let output = folder.appending(path: "out")
      try FileManager.default.createDirectory(at: output, withIntermediateDirectories: true)
      try Data("mine".utf8).write(to: output.appending(path: "notes.txt"))
      for flags in [[], ["--overwrite"]] {
        let run = try Invocation(
          [
            "quantize", Fixtures.examples.appending(path: "books-llama-6m").path, "--output",
            output.path, "--sequence-length", "64",
          ] + flags)
        #expect(run.status == 1)
        #expect(run.errors.contains("error: \(output.path)"), "\(run.errors)")
        #expect(try contents(of: folder).map(\.name) == ["out", "out/notes.txt"])
      }
    }
  }

  /// Every file below `folder` with its size and a checksum.
  private func contents(of folder: URL) throws -> [Entry] {
    try FileManager.default.subpathsOfDirectory(atPath: folder.path).sorted().map { name in
      let file = folder.appending(path: name)
      let type = try FileManager.default.attributesOfItem(atPath: file.path)[.type]
      // Reading a pipe would wait for a writer.
      let isRegular = type as? FileAttributeType == .typeRegular
      let data = isRegular ? try Data(contentsOf: file) : nil
      return Entry(name: name, byteCount: data?.count ?? -1, checksum: data?.hashValue ?? 0)
    }
  }

  private struct Entry: Equatable {
    var name: String
    var byteCount: Int
    var checksum: Int
  }
}
