import Diagnostics
import Foundation
import Hub
import HubServer
import Synchronization
import TestSupport
import Testing

@Suite struct DownloadTests {
  @Test func whatIsNeededComesInTheLayoutOfTheHubsClient() async throws {
    try await withTemporaryFolder { cache in
      let hub = try LoopbackHub(modelFiles, entriesOfPage: 4)
      let told = Mutex<[DownloadProgress]>([])
      let folder = try await ModelHub(settings(hub.address, cache: cache)).folder(
        of: LoopbackHub.repository
      ) { progress in told.withLock { $0.append(progress) } }
      #expect(hub.files == neededPaths)
      #expect(folder.path == modelFolder(cache).path + "/snapshots/\(LoopbackHub.commit)")

      var compared = 0
      for path in neededPaths {
        let file = try #require(modelFiles[path])
        let depth = path.split(separator: "/").count - 1
        let link = try FileManager.default.destinationOfSymbolicLink(
          atPath: folder.appending(path: path).path)
        let up = String(repeating: "../", count: depth + 2)
        #expect(link == "\(up)blobs/\(file.digest)")
        #expect(Array(try Data(contentsOf: folder.appending(path: path))) == file.bytes)
        compared += 1
      }
      #expect(compared == 9)
      let blobs = try names(in: modelFolder(cache).appending(path: "blobs"))
      #expect(blobs == neededPaths.compactMap { modelFiles[$0]?.digest }.sorted())
      let reference = try Data(contentsOf: modelFolder(cache).appending(path: "refs/main"))
      #expect(String(decoding: reference, as: UTF8.self) == LoopbackHub.commit)
      #expect(
        try names(in: cache.appending(path: ".locks/models--owner--Model-1"))
          == blobs.map { "\($0).lock" })

      let last = try #require(told.withLock { $0.last })
      #expect(last.fileCount == 9)
      #expect(last.finishedFileCount == 9)
      #expect(last.finishedByteCount == last.byteCount)
      #expect(last.text.hasPrefix("downloading owner/Model-1  100 %  "))
    }
  }

  /// Whoever is told takes longer over every second file.
  @Test func whatIsToldIsInOrder() async throws {
    try await withTemporaryFolder { cache in
      let hub = try LoopbackHub(modelFiles)
      let told = Mutex<[Int]>([])
      _ = try await ModelHub(settings(hub.address, cache: cache)).folder(
        of: LoopbackHub.repository
      ) { progress in
        if progress.finishedFileCount % 2 == 1 { usleep(20_000) }
        told.withLock { $0.append(progress.finishedFileCount) }
      }
      let counts = told.withLock { $0 }
      #expect(counts == counts.sorted())
      #expect(Set(counts).isSuperset(of: 1...9))
    }
  }

  @Test func whatIsInTheCacheIsNotAskedFor() async throws {
    try await withTemporaryFolder { cache in
      let hub = try LoopbackHub(modelFiles)
      let first = try await download(from: hub, to: cache)
      let count = hub.requests.count
      let offline = ModelHub(try settings(hub.address, cache: cache) { $0.isOffline = true })
      for name in ["owner/Model-1", "owner/Model-1@main", "owner/Model-1@\(LoopbackHub.commit)"] {
        #expect(try await offline.folder(of: name) == first)
        #expect(try await ModelHub(settings(hub.address, cache: cache)).folder(of: name) == first)
      }
      #expect(hub.requests.count == count)
      await expectInputError(.missing, mentioning: ["owner/Other", "switched off"]) {
        try await offline.folder(of: "owner/Other")
      }
      #expect(hub.requests.count == count)
    }
  }

  @Test func aDownloadGoesOnWhereItWasCut() async throws {
    try await withTemporaryFolder { cache in
      let broken = try LoopbackHub(modelFiles, fault: changing { $0.cut = 100_000 })
      await expectInputError(.unreadable, mentioning: [shard, "127.0.0.1"]) {
        try await download(from: broken, to: cache) { $0.attemptCount = 1 }
      }
      let partial = try blob(shard, cache).path + ".incomplete"
      let size = try #require(
        try FileManager.default.attributesOfItem(atPath: partial)[.size] as? Int)
      #expect((1...100_000).contains(size))
      #expect(!FileManager.default.fileExists(atPath: modelFolder(cache).path + "/refs/main"))

      let hub = try LoopbackHub(modelFiles)
      let folder = try await download(from: hub, to: cache)
      try expectFile(in: folder)
      let request = try #require(hub.requests.first { $0.target.hasSuffix(shard) })
      #expect(request.fields["range"] == "bytes=\(size)-299999")
      #expect(!FileManager.default.fileExists(atPath: partial))
    }
  }

  @Test func aCutConnectionIsTriedAgainWithWhatIsLeft() async throws {
    try await withTemporaryFolder { cache in
      let hub = try LoopbackHub(modelFiles) { request, count, answer in
        var answer = answer
        if request.target.hasSuffix(shard), count < 6 { answer.cut = 40_000 }
        return answer
      }
      let folder = try await download(from: hub, to: cache)
      try expectFile(in: folder)
      #expect(hub.files.count { $0 == shard } == 7)
    }
  }

  @Test(arguments: [false, true])
  func largeFilesComeInPieces(_ ignoresRanges: Bool) async throws {
    try await withTemporaryFolder { cache in
      let hub = try LoopbackHub(modelFiles) { request, _, answer in
        guard ignoresRanges, request.fields["range"] != nil,
          let file = modelFiles[String(request.target.split(separator: "/").last ?? "")]
        else { return answer }
        return .init(200, body: file.bytes)
      }
      let folder = try await download(from: hub, to: cache) { $0.pieceByteCount = 64_000 }
      try expectFile(in: folder)
      #expect(hub.files.count { $0 == shard } == (ignoresRanges ? 1 : 5))
    }
  }

  @Test func damageThatWasLeftIsFound() async throws {
    try await withTemporaryFolder { cache in
      let hub = try LoopbackHub(modelFiles)
      let partial = URL(filePath: try blob(shard, cache).path + ".incomplete")
      try FileManager.default.createDirectory(
        at: partial.deletingLastPathComponent(), withIntermediateDirectories: true)
      try Data(repeating: 5, count: 1000).write(to: partial)
      let folder = try await download(from: hub, to: cache)
      try expectFile(in: folder)
      let ranges = hub.requests.filter { $0.target.hasSuffix(shard) }.map { $0.fields["range"] }
      #expect(ranges == ["bytes=1000-299999", nil])
    }
  }

  @Test func severalAtOnceDoNoHarm() async throws {
    try await withTemporaryFolder { cache in
      let hub = try LoopbackHub(modelFiles, fault: changing { $0.slowness = (0.02, 100_000) })
      let one = ModelHub(try settings(hub.address, cache: cache))
      async let first = one.folder(of: "owner/Model-1")
      async let second = one.folder(of: "owner/Model-1")
      #expect(try await first == second)
      #expect(hub.files == neededPaths)
    }
  }

  @Test func cancellingEndsIt() async throws {
    try await withTemporaryFolder { cache in
      let hub = try LoopbackHub(modelFiles, fault: changing { $0.slowness = (0.1, 3000) })
      let task = Task {
        try await download(from: hub, to: cache)
      }
      while !hub.files.contains(shard) { try await Task.sleep(for: .milliseconds(10)) }
      task.cancel()
      await #expect(throws: CancellationError.self) { try await task.value }
    }
  }
}
