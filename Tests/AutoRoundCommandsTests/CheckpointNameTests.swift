import Foundation
import HubServer
import JSONText
import TestSupport
import Testing

/// Checkpoints that are given by their names.
@Suite struct CheckpointNameTests {
  private static func exampleFiles() throws -> [String: LoopbackHub.File] {
    let folder = Fixtures.examples.appending(path: "books-llama-6m")
    var files: [String: LoopbackHub.File] = [:]
    for name in try names(in: folder) {
      files[name] = LoopbackHub.File(
        Array(try Data(contentsOf: folder.appending(path: name))),
        isLarge: name.hasSuffix(".safetensors"))
    }
    return files
  }

  private func run(
    _ address: String, _ folder: URL, _ arguments: [String], _ more: [String: String] = [:]
  ) throws -> CommandRun {
    let environment = [
      "HF_ENDPOINT": address, "HF_HOME": folder.appending(path: "home").path, "HF_HUB_CACHE": "",
      "HF_TOKEN": "", "HF_HUB_OFFLINE": "", "TRANSFORMERS_OFFLINE": "",
    ].merging(more) { $1 }
    return try CommandRun(
      CommandRun.product("autoround"), arguments, environment: environment, in: folder)
  }

  @Test func areDownloadedOnceAndThenFound() throws {
    try withTemporaryFolder { folder in
      let hub = try LoopbackHub(Self.exampleFiles())
      let first = try run(hub.address, folder, ["inspect", "owner/Model-1", "--json"])
      #expect(first.status == 0, "\(first.errors)")
      #expect(try JSONValue.parse(first.lastLine)["parameters"] == 5_770_496)
      #expect(
        first.errors
          == "downloading owner/Model-1 from \(hub.address) to \(folder.path)/home/hub\n")
      let count = hub.requests.count
      #expect(count > 2)
      for arguments in [
        ["diff", "owner/Model-1", "owner/Model-1@main"], ["inspect", "owner/Model-1", "--offline"],
      ] {
        let again = try run(hub.address, folder, arguments)
        #expect(again.status == 0, "\(again.errors)")
        #expect(again.errors.isEmpty)
      }
      #expect(hub.requests.count == count)

      // The output has the model's name, and its card too.
      let quantize = [
        "quantize", "owner/Model-1", "--iterations", "0", "--held-out", "0", "--samples", "8",
        "--sequence-length", "64",
      ]
      let made = try run(hub.address, folder, quantize)
      #expect(made.status == 0, "\(made.errors)")
      let output = folder.appending(path: "Model-1-W4A16")
      let card = try String(contentsOf: output.appending(path: "README.md"), encoding: .utf8)
      let base = card.split(separator: "\n").first { $0.hasPrefix("base_model: ") }
      #expect(base?.contains("owner/Model-1") == true)
      let refused = try run(hub.address, folder, quantize)
      #expect(refused.status == 1)
      #expect(refused.errors.contains("exists already"))
      #expect(hub.requests.count == count)
    }
  }

  /// A folder that is there already tells which one would be written.
  @Test(arguments: [
    ([], "W4A16"), (["--format", "gguf:q4_0"], "GGUF-Q4_0"),
    (["--format", "gptq", "--format", "gguf:q8_0"], "GGUF-Q8_0"),
    (["--scheme", "gguf:q4_k_m"], "gguf-q4_k_m"),
    (["--scheme", "W8A16", "--format", "gguf:q8_0"], "W8A16"),
    (["--recipe", "mine.yaml", "--format", "gguf:q8_0"], "mine"),
    (["--bits", "3", "--group-size", "64", "--asym"], "W3A16G64_ASYM"),
    (["--group-size", "32"], "W4A16G32"), (["--sym", "--group-size", "-1"], "W4A16_CHANNEL"),
    (["--scheme", "w2a16g64"], "w2a16g64"), (["--bits", "8", "--format", "gguf:q8_0"], "W8A16"),
  ])
  func giveFoldersTheirNames(_ arguments: [String], _ kind: String) throws {
    try withTemporaryFolder { folder in
      try Data("stage: {modifiers: {AutoRoundModifier: {scheme: W8A16}}}".utf8)
        .write(to: folder.appending(path: "mine.yaml"))
      let name = "books-llama-6m-\(kind)"
      try FileManager.default.createDirectory(
        at: folder.appending(path: "\(name)/kept"), withIntermediateDirectories: true)
      let model = Fixtures.examples.appending(path: "books-llama-6m").path
      let made = try run(
        "http://hub.invalid", folder, ["quantize", model, "--iterations", "0"] + arguments)
      #expect(made.status == 1)
      #expect(
        made.errors.contains("\(name): exists already"), "\(made.errors)")
      #expect(try names(in: folder) == [name, "mine.yaml"])
    }
  }

  @Test func sayWhatIsWrong() throws {
    try withTemporaryFolder { folder in
      let hub = try LoopbackHub([:])
      let missing = try run(hub.address, folder, ["inspect", "owner/Other"])
      #expect(missing.status == 1)
      #expect(
        missing.errors.hasSuffix(
          "error: owner/Other: there is neither such a folder nor such a model at \(hub.address)\n")
      )
      let count = hub.requests.count
      for (arguments, environment) in [
        (["--offline"], [:]), ([], ["HF_HUB_OFFLINE": "1"]),
      ] as [([String], [String: String])] {
        let offline = try run(
          hub.address, folder, ["inspect", "owner/Other"] + arguments, environment)
        #expect(offline.status == 1)
        #expect(offline.errors.hasPrefix("error: owner/Other: is no folder, nor"))
      }
      // What is no name stays a path.
      let path = try run(hub.address, folder, ["inspect", "./owner/Other"])
      #expect(path.errors.hasSuffix("/owner/Other: there is no such folder\n"))
      #expect(hub.requests.count == count)
    }
  }

  @Test func comeThroughTheEnvironmentsProxy() throws {
    try withTemporaryFolder { folder in
      let proxy = try LoopbackServer { _ in .init(404, [("X-Error-Code", "RepoNotFound")]) }
      let run = try run(
        "http://hub.invalid", folder, ["inspect", "owner/Other"],
        ["http_proxy": proxy.address, "no_proxy": "", "NO_PROXY": "", "all_proxy": ""])
      #expect(run.status == 1)
      #expect(
        proxy.requests.map(\.target)
          == ["http://hub.invalid/api/models/owner/Other/revision/main"])
    }
  }
}
