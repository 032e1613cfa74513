import Diagnostics
import Foundation
import Hub
import HubServer
import Synchronization
import TestSupport
import Testing

/// Answers that lie, or mean harm.
@Suite struct HostileAnswerTests {
  @Test func otherBytesAreRefused() async throws {
    try await withTemporaryFolder { cache in
      let hub = try LoopbackHub(modelFiles, fault: changing { $0.body[1000] ^= 1 })
      await expectInputError(.malformed, mentioning: [shard, "digest"]) {
        try await download(from: hub, to: cache)
      }
      let path = try blob(shard, cache).path
      #expect(!FileManager.default.fileExists(atPath: path))
      #expect(!FileManager.default.fileExists(atPath: path + ".incomplete"))
    }
    try await withTemporaryFolder { cache in
      let hub = try LoopbackHub(modelFiles, fault: changing("config.json") { $0.body[0] ^= 1 })
      await expectInputError(.malformed, mentioning: ["config.json", "digest"]) {
        try await download(from: hub, to: cache)
      }
    }
  }

  @Test func otherSizesAreRefused() async throws {
    try await expectFailure(
      .malformed, [shard, "announces 300001 bytes"],
      changing {
        $0.body.append(0)
        $0.announcedByteCount = 300_001
      })
    // More than was announced, and nothing announced at all.
    try await expectFailure(
      .malformed, [shard, "more than the 300000 bytes"],
      changing {
        $0.body += [UInt8](repeating: 0, count: 10)
        $0.announcedByteCount = nil
      })
    try await expectFailure(
      .malformed, [shard, "0 bytes came where 300000"],
      changing {
        $0.body = []
        $0.announcedByteCount = nil
      })
  }

  @Test func documentsThatAreNoneAreRefused() async throws {
    try await expectFailure(.malformed, ["the hub's answer"]) { _, _, _ in
      .init(200, body: Array("<html>Welcome</html>".utf8))
    }
    try await expectFailure(.invalidValue, ["commit"]) { _, _, _ in
      .init(200, body: Array(#"{"sha":"../../x"}"#.utf8))
    }
    try await expectFailure(.malformed, ["most that are read"]) { _, _, _ in
      var answer = LoopbackServer.Answer(200)
      answer.announcedByteCount = 1 << 40
      return answer
    }
    try await expectFailure(.malformed, ["most that are read"]) { _, _, _ in
      var answer = LoopbackServer.Answer(200, body: [UInt8](repeating: 32, count: 33 << 20))
      answer.announcedByteCount = nil
      return answer
    }
    try await expectFailure(
      .malformed, ["which is not the hub"],
      changing("?recursive=true") {
        $0.fields.append(("Link", "<http://127.0.0.1:1/api>; rel=\"next\""))
      })
    try await expectFailure(.malformed, ["without end"]) { request, _, answer in
      guard request.target.contains("/tree/") else { return answer }
      var answer = LoopbackServer.Answer(200, body: Array("[]".utf8))
      answer.fields.append(("Link", "<\(request.target)>; rel=\"next\""))
      return answer
    }
  }

  @Test(arguments: [
    "../x.json", "/etc/passwd", "a/../../tokenizer.json", "tokenizer\\u0000.json", "", ".", "a//b",
  ])
  func pathsThatLeadElsewhereAreRefused(_ path: String) async throws {
    try await withTemporaryFolder { cache in
      let oid = String(repeating: "a", count: 40)
      let hub = try LoopbackHub(
        modelFiles,
        fault: listing(#"[{"type":"file","oid":"\#(oid)","size":3,"path":"\#(path)"}]"#))
      await expectInputError(.invalidValue, mentioning: ["the path of a file"]) {
        try await download(from: hub, to: cache)
      }
      #expect(hub.files.isEmpty)
      #expect(try names(in: cache).isEmpty)
    }
  }

  /// As many files as together have more bytes than a number holds, and as many as just about do not.
  @Test(
    arguments: [
      (50, .invalidValue, "the hub's answer"), (44, .unwritable, "bytes are to come"),
    ] as [(Int, InputError.Code, String)])
  func filesWithoutEndAreRefused(
    _ exponent: Int, _ code: InputError.Code, _ words: String
  ) async throws {
    try await withTemporaryFolder { cache in
      let oid = String(repeating: "a", count: 40)
      let paths =
        ["config.json", "model.safetensors"] + (0..<9000).map { "tokenizer\($0)" }
      let entries = paths.map {
        #"{"type":"file","oid":"\#(oid)","size":\#(1 << exponent),"path":"\#($0)"}"#
      }
      let hub = try LoopbackHub(
        modelFiles, fault: listing("[\(entries.joined(separator: ","))]"))
      await expectInputError(code, mentioning: [words]) {
        try await download(from: hub, to: cache)
      }
      #expect(hub.files.isEmpty)
    }
  }

  @Test func redirectionsAreFollowedWithoutTheToken() async throws {
    try await withTemporaryFolder { cache in
      let store = try LoopbackServer { request in
        LoopbackHub.content(modelFiles[shard] ?? .init(""), request)
      }
      let away = store.address + "/blobs/x?signature=1"
      let hub = try LoopbackHub(modelFiles) { request, _, answer in
        switch request.target {
        case "/owner/Model-1/resolve/\(LoopbackHub.commit)/\(shard)":
          .init(302, [("Location", "/elsewhere")], body: Array("moved".utf8))
        case "/elsewhere": .init(307, [("Location", away)])
        default: answer
        }
      }
      let folder = try await download(from: hub, to: cache) { $0.token = "secret" }
      try expectFile(in: folder)
      #expect(Set(hub.requests.map { $0.fields["authorization"] }) == ["Bearer secret"])
      #expect(hub.requests.count { $0.target == "/elsewhere" } == 1)
      #expect(store.requests.map { $0.fields["authorization"] } == [nil])
    }
  }

  @Test func redirectionsWithoutEndAreRefused() async throws {
    try await expectFailure(.malformed, ["redirects more than 10 times"]) { request, _, _ in
      .init(302, [("Location", request.target)])
    }
    for place in ["file:///etc/passwd", "ftp://127.0.0.1/x", "http://user:word@127.0.0.1/", ""] {
      try await expectFailure(.malformed, ["no address that could be followed"]) { _, _, _ in
        .init(302, [("Location", place)])
      }
    }
  }

  @Test func theTokenIsInNoError() async throws {
    try await withTemporaryFolder { cache in
      let hub = try LoopbackHub(modelFiles) { _, _, _ in .init(403) }
      do {
        _ = try await download(from: hub, to: cache) { $0.token = "secret" }
        Issue.record("nothing was thrown")
      } catch {
        #expect(!"\(error)".contains("secret"))
      }
    }
  }
}
