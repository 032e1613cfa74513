import Diagnostics
import Foundation
import Hub
import HubServer
import TestSupport
import Testing

/// What a hub, or the way to it, may refuse; and what is then said.
@Suite struct FaultTests {
  private static let api = "/api/models/owner/Model-1/revision/main"

  @Test(
    arguments: [
      (401, "RepoNotFound", nil, InputError.Code.missing, "set HF_TOKEN"),
      (401, "RepoNotFound", "secret", .unreadable, "does not accept the token"),
      (401, "GatedRepo", nil, .unreadable, "accepted conditions"),
      (403, "GatedRepo", "secret", .unreadable, "may not read it"),
      (403, "", "secret", .unreadable, "refuses it (403)"),
      (404, "RepoNotFound", nil, .missing, "neither such a folder nor such a model"),
      (404, "RevisionNotFound", nil, .missing, "no revision 'main'"),
      (418, "", nil, .unreadable, "status 418"),
    ] as [(Int, String, String?, InputError.Code, String)])
  func refusalsAreNotRepeated(
    _ status: Int, _ reason: String, _ token: String?, _ code: InputError.Code, _ words: String
  ) async throws {
    try await expectFailure(code, [words], requests: 1, change: { $0.token = token }) { _, _, _ in
      .init(
        status, [("X-Error-Code", reason), ("WWW-Authenticate", "Bearer realm=\"hub\"")],
        body: Array("no".utf8))
    }
  }

  @Test func aHubThatAsksForAPasswordIsRefused() async throws {
    try await expectFailure(.missing, ["set HF_TOKEN"], requests: 1) { _, _, _ in
      .init(401, [("WWW-Authenticate", "Basic realm=\"hub\"")])
    }
  }

  @Test func aBusyHubIsAskedAgain() async throws {
    try await withTemporaryFolder { cache in
      let hub = try LoopbackHub(modelFiles) { request, count, answer in
        switch (request.target, count) {
        case (Self.api, 0): .init(503)
        case (Self.api, 1): .init(429, [("Retry-After", "0")])
        case (Self.api, 2): .init(500)
        default: answer
        }
      }
      let folder = try await download(from: hub, to: cache)
      #expect(FileManager.default.fileExists(atPath: folder.appending(path: "config.json").path))
      #expect(hub.requests.count { $0.target == Self.api } == 4)
    }
  }

  @Test func aHubThatStaysBusyIsGivenUp() async throws {
    try await expectFailure(.unreadable, ["status 503"], requests: 5) { _, _, _ in .init(503) }
    try await expectFailure(.unreadable, ["too many requests", "600 seconds"], requests: 1) {
      _, _, _ in .init(429, [("Retry-After", "600")])
    }
  }

  @Test func nobodyListens() async throws {
    try await withTemporaryFolder { cache in
      // A port that was free a moment ago.
      let address = try LoopbackServer { _ in .init(200) }.address
      await expectInputError(.unreadable, mentioning: ["owner/Model-1", "127.0.0.1"]) {
        try await ModelHub(settings(address, cache: cache)).folder(of: "owner/Model-1")
      }
    }
  }

  @Test func silenceIsNoticed() async throws {
    try await expectFailure(
      .unreadable, ["no answer for 0.2 seconds"], requests: 1,
      change: {
        $0.silenceLimit = 0.2
        $0.attemptCount = 1
      }, changing("") { $0.slowness = (1, 100_000) })
  }

  @Test func dripsAreSilence() async throws {
    try await expectFailure(
      .unreadable, [shard, "no answer for 0.3 seconds"],
      change: {
        $0.silenceLimit = 0.3
        $0.attemptCount = 1
      }, changing { $0.slowness = (0.05, 1) })
  }

  @Test func whatTakesLongAndComesIsNoSilence() async throws {
    try await withTemporaryFolder { cache in
      let hub = try LoopbackHub(modelFiles, fault: changing { $0.slowness = (0.05, 20_000) })
      let folder = try await download(from: hub, to: cache) {
        $0.silenceLimit = 0.3
        $0.attemptCount = 1
      }
      try expectFile(in: folder)
    }
  }

  @Test func modelsWithoutSafetensorsAreRefused() async throws {
    for (files, words) in [
      (["config.json", "pytorch_model.bin"], ["'pytorch_model.bin'", "only safetensors"]),
      (["config.json"], ["neither model.safetensors"]),
      (["model.gguf"], ["no config.json"]),
    ] {
      try await withTemporaryFolder { cache in
        let hub = try LoopbackHub(modelFiles.filter { files.contains($0.key) })
        await expectInputError(.unsupported, mentioning: words) {
          try await download(from: hub, to: cache)
        }
        #expect(hub.files.isEmpty)
        #expect(try names(in: cache).isEmpty)
      }
    }
  }

  @Test func aShardThatIsNotThereIsNamed() async throws {
    try await withTemporaryFolder { cache in
      let hub = try LoopbackHub(modelFiles.filter { $0.key != shard })
      await expectInputError(.missing, mentioning: [shard, "its index names"]) {
        try await download(from: hub, to: cache)
      }
    }
  }
}
