import Diagnostics
import Foundation
import Hub
import HubServer
import TestSupport
import Testing

/// Datasets by their names.
@Suite struct DatasetTests {
  private static let files: [String: LoopbackHub.File] = [
    "README.md": .init("# A dataset"), "dataset_infos.json": .init("{}"),
    "data/train.jsonl": .init(#"{"text":"a"}"#), "data/test.jsonl": .init(#"{"text":"b"}"#),
    "data/train.parquet": .init(Array(repeating: 1, count: 10), isLarge: true),
  ]

  private func file(
    _ text: String, _ files: [String: LoopbackHub.File] = files, in cache: URL,
    _ change: (inout HubSettings) -> Void = { _ in }
  ) async throws -> (path: String?, hub: LoopbackHub) {
    let hub = try LoopbackHub(files, isDataset: true)
    let found = try await ModelHub(settings(hub.address, cache: cache, change)).datasetFile(
      of: text)
    return (found?.path, hub)
  }

  @Test(arguments: [
    ("owner/Model-1", "data/train.jsonl"),
    ("hf://datasets/owner/Model-1/data/test.jsonl", "data/test.jsonl"),
    ("hf://datasets/owner/Model-1@main", "data/train.jsonl"),
  ])
  func oneFileComesIntoTheCache(text: String, path: String) async throws {
    try await withTemporaryFolder { cache in
      let (found, hub) = try await file(text, in: cache)
      let folder = cache.path + "/datasets--owner--Model-1/snapshots/\(LoopbackHub.commit)/"
      #expect(found == folder + path)
      #expect(hub.files == [path])
      let bytes = try Data(contentsOf: URL(filePath: folder + path))
      #expect(Array(bytes) == Self.files[path]?.bytes)
      // Again it is there, with and without a connection.
      let (again, later) = try await file(text, in: cache) { $0.isOffline = true }
      #expect(again == found && later.requests.isEmpty)
    }
  }

  /// What is a path is not looked up, whether there is something or not.
  @Test(arguments: ["/nonexistent/a.jsonl", "data/a.jsonl", "a.txt", "owner/a.parquet", "a/b/c"])
  func pathsAreNoNames(text: String) async throws {
    try await withTemporaryFolder { cache in
      let (found, hub) = try await file(text, in: cache)
      #expect(found == nil && hub.requests.isEmpty)
    }
  }

  @Test func whatCannotBeMeantIsRefused() async throws {
    try await withTemporaryFolder { cache in
      await expectInputError(
        .missing, mentioning: ["owner/Model-1", "has no file 'x.jsonl'", "data/test.jsonl"]
      ) { try await file("hf://datasets/owner/Model-1/x.jsonl", in: cache).path }
      await expectInputError(
        .unsupported,
        mentioning: ["several files", "hf://datasets/owner/Model-1/FILE", "'a.jsonl', 'b.jsonl'"]
      ) {
        try await file(
          "owner/Model-1", ["a.jsonl": .init("{}"), "b.jsonl": .init("{}")], in: cache
        ).path
      }
      await expectInputError(
        .unsupported,
        mentioning: ["has no .jsonl", "'t.parquet'", "to_json", "owner/Model-1 data.jsonl"]
      ) { try await file("owner/Model-1", ["t.parquet": .init("PAR1")], in: cache).path }
      await expectInputError(.invalidValue, mentioning: ["hf://datasets/owner", "owner/name/file"])
      {
        try await file("hf://datasets/owner", in: cache).path
      }
      await expectInputError(.missing, mentioning: ["neither such a file nor such a dataset"]) {
        try await file("owner/Other", in: cache).path
      }
      await expectInputError(.missing, mentioning: ["switched off"]) {
        try await file("owner/Model-1", in: cache) { $0.isOffline = true }.path
      }
    }
  }
}
