import Foundation
import TestSupport
import Testing

/// A run of the built program as a process of its own.
struct Invocation {
  let status: Int32
  let output: String
  let errors: String

  init(_ arguments: String...) throws {
    let folder = FileManager.default.temporaryDirectory.appending(path: "invocation-\(UUID())")
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: folder) }
    func file(_ name: String) throws -> (URL, FileHandle) {
      let url = folder.appending(path: name)
      try Data().write(to: url)
      return (url, try FileHandle(forWritingTo: url))
    }
    let (outputFile, outputHandle) = try file("output")
    let (errorFile, errorHandle) = try file("errors")
    let process = Process()
    let executable: URL = try #require(Self.executable, "the program is not built")
    process.executableURL = executable
    process.arguments = arguments
    process.standardOutput = outputHandle
    process.standardError = errorHandle
    try process.run()
    process.waitUntilExit()
    status = process.terminationStatus
    output = try String(contentsOf: outputFile, encoding: .utf8)
    errors = try String(contentsOf: errorFile, encoding: .utf8)
  }

  /// The last line of standard output.
  var lastLine: String {
    output.split(separator: "\n").last.map(String.init) ?? ""
  }

  /// Beside the tests where they are a program, else where release builds go.
  private static var executable: URL? {
    let folders = [
      Bundle.main.executableURL?.deletingLastPathComponent(),
      Fixtures.package.appending(path: ".build/release"),
    ]
    return folders.compactMap { $0?.appending(path: "autoround") }
      .first { FileManager.default.isExecutableFile(atPath: $0.path) }
  }
}

/// Runs `body` with a new folder that is removed afterwards.
func withTemporaryFolder(_ body: (URL) throws -> Void) throws {
  let folder = FileManager.default.temporaryDirectory.appending(path: "autoround-\(UUID())")
  try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
  defer { try? FileManager.default.removeItem(at: folder) }
  try body(folder)
}
