import Diagnostics
import Foundation
import Hub
import TestSupport
import Testing

/// Names, settings and headers, read.
@Suite struct ReadingTests {
  @Test func names() throws {
    let name = try #require(try ModelName("Qwen/Qwen3-0.6B@refs/pr/12"))
    #expect(name.repository == "Qwen/Qwen3-0.6B")
    #expect(name.revision == "refs/pr/12")
    #expect(name.words == ["Qwen", "Qwen3-0.6B"])
    #expect(try ModelName("a/b")?.revision == "main")
    for text in ["a", "a/b/c", "a/", "/b", "-a/b", "a/b.", "a--b/c", "a/b.git", "a/b..c", "ä/b"] {
      #expect(try ModelName(text) == nil, "\(text)")
    }
    for revision in ["", "../x", "a//b", "/a", "a b", "a\u{0}", "x.lock", "a/./b", "-a", "a?b"] {
      expectInputError(.invalidValue, mentioning: ["revision"]) {
        try ModelName("owner/name@\(revision)")
      }
    }
  }

  @Test func theEnvironmentIsReadAsTheHubsClientReadsIt() throws {
    let none = try HubSettings(environment: ["HOME": "/nonexistent"])
    #expect(none.cache.path == "/nonexistent/.cache/huggingface/hub")
    #expect(none.token == nil)
    #expect(!none.isOffline)
    #expect(
      try HubSettings(environment: ["XDG_CACHE_HOME": "/c"]).cache.path == "/c/huggingface/hub")
    #expect(
      try HubSettings(environment: ["HF_HOME": "/h", "XDG_CACHE_HOME": "/c"]).cache.path == "/h/hub"
    )
    #expect(
      try HubSettings(environment: ["HF_HOME": "/h", "HF_HUB_CACHE": "/x"]).cache.path == "/x")
    for (text, isOffline) in [("1", true), ("true", true), ("0", false), ("", false)] {
      #expect(try HubSettings(environment: ["HF_HUB_OFFLINE": text]).isOffline == isOffline)
    }
    #expect(
      try HubSettings(environment: ["HF_ENDPOINT": "https://hub.example/a/"]).endpoint
        == "https://hub.example/a")
    for address in ["hub.example", "ftp://hub.example", "https://", "https://a:b@hub.example"] {
      expectInputError(.invalidValue, mentioning: ["HF_ENDPOINT"]) {
        try HubSettings(environment: ["HF_ENDPOINT": address])
      }
    }
  }

  @Test func tokensAreReadAndNotShown() throws {
    try withTemporaryFolder { home in
      try Data("from-file\n".utf8).write(to: home.appending(path: "token"))
      #expect(try HubSettings(environment: ["HF_HOME": home.path]).token == "from-file")
      #expect(
        try HubSettings(environment: ["HF_HOME": home.path, "HF_TOKEN": " given "]).token
          == "given")
    }
    let error = expectInputError(.invalidValue, mentioning: ["HF_TOKEN"]) {
      try HubSettings(environment: ["HF_TOKEN": "secret\r\nHost: x"])
    }
    #expect(error?.description.contains("secret") == false)
  }

  @Test func headers() {
    #expect(HeaderFields.nextPage(#"<https://a/b?c=1>; rel="next""#) == "https://a/b?c=1")
    #expect(HeaderFields.nextPage(#"<x>; rel="prev", <y>; title=z; rel=next"#) == "y")
    #expect(HeaderFields.nextPage(#"<x>; rel="prev""#) == nil)
    #expect(HeaderFields.nextPage("<<>;rel=") == nil)
    #expect(HeaderFields.contentRange("bytes 1-2/5")?.range == 1...2)
    #expect(HeaderFields.contentRange("bytes 1-2/5")?.byteCount == 5)
    for text in ["bytes 2-1/5", "bytes 1-5/5", "bytes */5", "bytes 1-2/*", "1-2/5", "bytes -1-2/5"]
    {
      #expect(HeaderFields.contentRange(text) == nil, "\(text)")
    }
    #expect(HeaderFields.number("+1") == nil)
    #expect(HeaderFields.number("99999999999999999999") == nil)
  }
}
