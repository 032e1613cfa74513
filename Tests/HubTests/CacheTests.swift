import Diagnostics
import Foundation
import Hub
import HubServer
import TestSupport
import Testing

/// A cache that another program has filled, or somebody has tampered with.
@Suite struct CacheTests {
  private let commit = LoopbackHub.commit

  private func write(_ text: String, _ file: URL) throws {
    try FileManager.default.createDirectory(
      at: file.deletingLastPathComponent(), withIntermediateDirectories: true)
    try Data(text.utf8).write(to: file)
  }

  private func offline(_ cache: URL) throws -> ModelHub {
    ModelHub(try settings("http://127.0.0.1:1", cache: cache) { $0.isOffline = true })
  }

  @Test func revisionsAndCommitsAreFound() throws {
    try withTemporaryFolder { cache in
      let model = modelFolder(cache)
      let snapshot = model.appending(path: "snapshots/\(commit)")
      for name in ["config.json", "model.safetensors"] {
        try write("x", snapshot.appending(path: name))
      }
      for revision in ["main", "v1.0", "refs/pr/1"] {
        try write(commit + "\n", model.appending(path: "refs/\(revision)"))
      }
      for suffix in ["", "@main", "@v1.0", "@refs/pr/1", "@\(commit)"] {
        let found = try offline(cache).localFolder(of: "owner/Model-1\(suffix)")
        #expect(found?.path == snapshot.path, "\(suffix)")
      }
      #expect(try offline(cache).localFolder(of: "owner/Model-1@other") == nil)
      #expect(try offline(cache).localFolder(of: "owner/Model-2") == nil)
    }
  }

  @Test func aSnapshotWithoutAllWeightsIsNotTaken() throws {
    try withTemporaryFolder { cache in
      let snapshot = modelFolder(cache).appending(path: "snapshots/\(commit)")
      let name = "owner/Model-1@\(commit)"
      try write("{}", snapshot.appending(path: "config.json"))
      #expect(try offline(cache).localFolder(of: name) == nil)
      try write(
        String(
          decoding: modelFiles["model.safetensors.index.json"]?.bytes ?? [], as: UTF8.self),
        snapshot.appending(path: "model.safetensors.index.json"))
      try write("x", snapshot.appending(path: shard))
      #expect(try offline(cache).localFolder(of: name) == nil)
      try write("x", snapshot.appending(path: "model-00002-of-00002.safetensors"))
      #expect(try offline(cache).localFolder(of: name)?.path == snapshot.path)
    }
  }

  @Test func aReferenceThatLeadsElsewhereIsRefused() throws {
    try withTemporaryFolder { cache in
      for text in ["../../../../etc", "", "main", String(repeating: "A", count: 40)] {
        try write(text, modelFolder(cache).appending(path: "refs/main"))
        expectInputError(.malformed, mentioning: ["refs/main", "40 hexadecimal digits"]) {
          try offline(cache).localFolder(of: "owner/Model-1")
        }
      }
    }
  }

  @Test func foldersComeFirst() async throws {
    try await withTemporaryFolder { folder in
      let path = folder.path
      let hub = try offline(folder)
      #expect(try await hub.folder(of: path).path == path)
      for text in [path + "/none", "none", "./a/b", "a/b/c", "", "~/x", "a/b c", "a/.b"] {
        #expect(try await hub.folder(of: text) == URL(filePath: text))
        #expect(try ModelHub.repository(of: text) == nil)
      }
      #expect(try ModelHub.repository(of: "owner/name@v1") == "owner/name")
    }
  }

  /// Links that stand where files of the cache are to be written are not followed.
  @Test func linksInTheCacheAreReplaced() async throws {
    try await withTemporaryFolder { folder in
      let cache = folder.appending(path: "cache")
      let mine = folder.appending(path: "mine")
      try write("mine", mine)
      let hub = try LoopbackHub(modelFiles)
      let (model, manager) = (modelFolder(cache), FileManager.default)
      let target = try blob(shard, cache)
      let snapshot = model.appending(path: "snapshots/\(commit)")
      for place in [target.deletingLastPathComponent(), snapshot] {
        try manager.createDirectory(at: place, withIntermediateDirectories: true)
      }
      try manager.createSymbolicLink(at: target, withDestinationURL: mine)
      try manager.createSymbolicLink(
        at: snapshot.appending(path: "config.json"), withDestinationURL: mine)
      let found = try await download(from: hub, to: cache)
      try expectFile(in: found)
      try expectFile("config.json", in: found)
      #expect(String(decoding: try Data(contentsOf: mine), as: UTF8.self) == "mine")
    }
  }

  /// What cannot be put in its place is not left beside it.
  @Test func aFolderInPlaceOfAReferenceIsRefused() async throws {
    try await withTemporaryFolder { cache in
      let references = modelFolder(cache).appending(path: "refs")
      let hub = try LoopbackHub(modelFiles) { request, _, answer in
        // It comes while the model is downloaded.
        guard request.target.hasSuffix(shard) else { return answer }
        do {
          try FileManager.default.createDirectory(
            at: references.appending(path: "main"), withIntermediateDirectories: true)
        } catch { Issue.record(error) }
        return answer
      }
      await expectInputError(.unwritable, mentioning: ["refs/main", "cannot be replaced"]) {
        try await download(from: hub, to: cache)
      }
      #expect(try names(in: references) == ["main"])
    }
  }

  @Test func aLinkInPlaceOfAnUnfinishedFileIsRefused() async throws {
    try await withTemporaryFolder { folder in
      let cache = folder.appending(path: "cache")
      let mine = folder.appending(path: "mine")
      try write("mine", mine)
      let hub = try LoopbackHub(modelFiles)
      let partial = URL(filePath: try blob(shard, cache).path + ".incomplete")
      try FileManager.default.createDirectory(
        at: partial.deletingLastPathComponent(), withIntermediateDirectories: true)
      try FileManager.default.createSymbolicLink(at: partial, withDestinationURL: mine)
      await expectInputError(.unwritable, mentioning: [".incomplete"]) {
        try await download(from: hub, to: cache)
      }
      #expect(String(decoding: try Data(contentsOf: mine), as: UTF8.self) == "mine")
    }
  }
}
