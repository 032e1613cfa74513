import Diagnostics
import Foundation
import Hub
import HubServer
import TestSupport
import Testing

/// A small model in two files of weights, beside what is not downloaded.
let modelFiles: [String: LoopbackHub.File] = [
  "config.json": .init(#"{"model_type":"llama"}"#),
  "tokenizer.json": .init((0..<50_000).map { UInt8(truncatingIfNeeded: $0 &* 7) }, isLarge: true),
  "generation_config.json": .init("{}"),
  "README.md": .init("# A model"),
  "LICENSE": .init("As you like"),
  "additional_chat_templates/tool.jinja": .init("{{ messages }}"),
  "model.safetensors.index.json": .init(
    """
    {"weight_map":{"a":"model-00001-of-00002.safetensors","b":"model-00002-of-00002.safetensors"}}
    """),
  "model-00001-of-00002.safetensors": .init(
    (0..<300_000).map { UInt8(truncatingIfNeeded: $0 &* 13) }, isLarge: true),
  "model-00002-of-00002.safetensors": .init(
    (0..<200_000).map { UInt8(truncatingIfNeeded: $0 &* 29) }, isLarge: true),
  "pytorch_model.bin": .init(Array(repeating: 1, count: 10), isLarge: true),
  "model.gguf": .init(Array(repeating: 2, count: 10), isLarge: true),
  "onnx/model.onnx": .init(Array(repeating: 3, count: 10), isLarge: true),
  "original/model.safetensors": .init(Array(repeating: 4, count: 10), isLarge: true),
  ".gitattributes": .init("*.bin"),
]

/// The files of it that are downloaded.
let neededPaths = [
  "LICENSE", "README.md", "additional_chat_templates/tool.jinja", "config.json",
  "generation_config.json", "model-00001-of-00002.safetensors",
  "model-00002-of-00002.safetensors", "model.safetensors.index.json", "tokenizer.json",
]

let shard = "model-00001-of-00002.safetensors"

/// Settings for a hub of a test, which wait for nothing.
func settings(
  _ address: String, cache: URL, _ change: (inout HubSettings) -> Void = { _ in }
) throws -> HubSettings {
  var settings = try HubSettings(environment: [
    "HF_ENDPOINT": address, "HF_HUB_CACHE": cache.path, "HF_HOME": "/nonexistent",
  ])
  settings.retryDelay = 0.01
  settings.silenceLimit = 5
  change(&settings)
  return settings
}

/// Asks a hub of a test for its model.
///
/// - Returns: The folder of its files.
func download(
  from hub: LoopbackHub, to cache: URL, _ change: (inout HubSettings) -> Void = { _ in }
) async throws -> URL {
  try await ModelHub(settings(hub.address, cache: cache, change)).folder(of: "owner/Model-1")
}

/// Changes what a hub answers about a file.
func changing(
  _ path: String = shard, _ change: @escaping @Sendable (inout LoopbackServer.Answer) -> Void
) -> LoopbackHub.Fault {
  { request, _, answer in
    var answer = answer
    if request.target.hasSuffix(path) { change(&answer) }
    return answer
  }
}

/// Gives another list of the model's files.
func listing(_ text: String) -> LoopbackHub.Fault {
  { request, _, answer in
    request.target.contains("/tree/") ? .init(200, body: Array(text.utf8)) : answer
  }
}

/// Expects a file of the model in a folder.
func expectFile(
  _ path: String = shard, in folder: URL, sourceLocation: SourceLocation = #_sourceLocation
) throws {
  let file = try #require(modelFiles[path], sourceLocation: sourceLocation)
  #expect(
    Array(try Data(contentsOf: folder.appending(path: path))) == file.bytes,
    sourceLocation: sourceLocation)
}

/// Expects an error where `fault` answers in the hub's place.
func expectFailure(
  _ code: InputError.Code, _ words: [String], requests: Int? = nil,
  sourceLocation: SourceLocation = #_sourceLocation,
  change: (inout HubSettings) -> Void = { _ in }, _ fault: @escaping LoopbackHub.Fault
) async throws {
  try await withTemporaryFolder { cache in
    let hub = try LoopbackHub(modelFiles, fault: fault)
    await expectInputError(
      code, mentioning: ["owner/Model-1"] + words, sourceLocation: sourceLocation
    ) {
      try await download(from: hub, to: cache, change)
    }
    #expect(
      !FileManager.default.fileExists(atPath: modelFolder(cache).path + "/refs/main"),
      sourceLocation: sourceLocation)
    if let requests { #expect(hub.requests.count == requests, sourceLocation: sourceLocation) }
  }
}

/// Expects an ``InputError``, as the function of that name for bodies that do not wait does.
func expectInputError<Result: Sendable>(
  _ code: InputError.Code, mentioning words: [String],
  sourceLocation: SourceLocation = #_sourceLocation,
  isolation: isolated (any Actor)? = #isolation, _ body: () async throws -> Result
) async {
  var outcome: Swift.Result<Result, any Error>
  do { outcome = .success(try await body()) } catch { outcome = .failure(error) }
  _ = expectInputError(code, mentioning: words, sourceLocation: sourceLocation) {
    try outcome.get()
  }
}

/// The model's folder in a cache.
func modelFolder(_ cache: URL) -> URL { cache.appending(path: "models--owner--Model-1") }

/// The path of the blob of a file.
func blob(_ path: String, _ cache: URL) throws -> URL {
  let file = try #require(modelFiles[path])
  return modelFolder(cache).appending(path: "blobs/\(file.digest)")
}
