import AutoRound
import Diagnostics
import Foundation
import TestSupport
import Testing
import Verification

/// A link in a source may lead to its own folder and to the hub's cache, and nowhere else: what it leads to is
/// read, and may be copied into a result that is passed on.
@Suite struct SourceLinkTests {
  private static let linked = [
    "config.json", "model.safetensors", "tokenizer.json", "LICENSE", "README.md",
    "modeling_x.py", "additional_chat_templates/a.jinja",
  ]

  private static let index = "model.safetensors.index.json"

  /// Moves a file, or a text, out of the folder, or to another place in it.
  private func move(_ name: String, of source: SourceFolder, to target: URL) throws {
    let file = source.model.appending(path: name)
    let data = (try? Data(contentsOf: file)) ?? Data("secret".utf8)
    try data.write(to: target)
    try? FileManager.default.removeItem(at: file)
  }

  @Test(arguments: linked + [index, "shard"], [false, true])
  func isNotFollowedOutOfTheFolder(_ name: String, isModelFree: Bool) throws {
    try SourceFolder.with { source in
      try FileManager.default.createDirectory(
        at: source.model.appending(path: "additional_chat_templates"),
        withIntermediateDirectories: false)
      var name = name
      if name == Self.index || name == "shard" { try source.shard { _ in } }
      if name == "shard" { name = "model-00001-of-00002.safetensors" }
      try move(name, of: source, to: source.folder.appending(path: "elsewhere"))
      try source.link(name, to: source.folder.appending(path: "elsewhere").path)
      let words = [source.model.appending(path: name).path, "elsewhere'", "is a link to"]
      expectInputError(.unreadable, mentioning: words) {
        try source.plan(isModelFree: isModelFree)
      }
      expectInputError(.unreadable, mentioning: words) {
        try source.quantize(isModelFree: isModelFree)
      }
    }
  }

  @Test func aFolderOfTemplatesElsewhere() throws {
    try SourceFolder.with { source in
      let other = source.folder.appending(path: "elsewhere")
      try FileManager.default.createDirectory(at: other, withIntermediateDirectories: false)
      try Data("secret".utf8).write(to: other.appending(path: "a"))
      try source.link("additional_chat_templates", to: "../elsewhere")
      expectInputError(.unreadable, mentioning: ["additional_chat_templates", "is a link to"]) {
        try source.plan()
      }
    }
  }

  @Test func staysFineInTheFolder() throws {
    try SourceFolder.with { source in
      try source.write("terms", to: "terms.txt")
      try source.link("LICENSE", to: "terms.txt")
      try move(
        "model.safetensors", of: source, to: source.model.appending(path: "weights.bin"))
      try source.link("model.safetensors", to: "weights.bin")
      // The folder itself may be reached by a link.
      let link = source.folder.appending(path: "link")
      try FileManager.default.createSymbolicLink(at: link, withDestinationURL: source.model)
      #expect(
        try QuantizationJob(model: link, modifier: AutoRoundModifier()).plan(measuresTime: false)
          .byteCount > 0)
      try source.quantize()
      let verified = Verifier(source.output, source: source.model).run()
      #expect(verified.findings.isEmpty, "\(verified.findings)")
      let license = source.output.appending(path: "LICENSE")
      #expect(try String(contentsOf: license, encoding: .utf8) == "terms")
    }
  }

  /// `snapshots/<revision>/<file> -> ../../blobs/<digest>`.
  @Test func staysFineInTheHubsCache() throws {
    try SourceFolder.with { source in
      let files = FileManager.default
      let cache = source.folder.appending(path: "models--a--b")
      let snapshot = cache.appending(path: "snapshots/0123")
      for folder in ["blobs", "snapshots/0123"] {
        try files.createDirectory(
          at: cache.appending(path: folder), withIntermediateDirectories: true)
      }
      for name in try names(in: source.model) {
        try files.moveItem(
          at: source.model.appending(path: name), to: cache.appending(path: "blobs/of-\(name)"))
        try files.createSymbolicLink(
          atPath: snapshot.appending(path: name).path,
          withDestinationPath: "../../blobs/of-\(name)")
      }
      let modifier = try AutoRoundModifier(scheme: "W8A16")
      _ = try QuantizationJob(model: snapshot, modifier: modifier).plan(measuresTime: false)
      // Not out of the cache, though.
      try Data("secret".utf8).write(to: cache.appending(path: "refs"))
      try files.createSymbolicLink(
        atPath: snapshot.appending(path: "LICENSE").path, withDestinationPath: "../../refs")
      expectInputError(.unreadable, mentioning: ["LICENSE", "is a link to"]) {
        try QuantizationJob(model: snapshot, modifier: modifier).plan(measuresTime: false)
      }
    }
  }
}
