import Foundation
import TestSupport
import Testing

/// A process that may have little of something says what it lacks.
@Suite(.serialized) struct ScarcityTests {
  private let model = Fixtures.examples.appending(path: "books-llama-6m").path

  private func quantize(after limit: String, in folder: URL) throws -> CommandRun {
    try CommandRun(
      URL(filePath: "/bin/bash"),
      [
        "-c",
        "\(limit); \"$0\" quantize \"$1\" --output q --samples 8 --sequence-length 512 "
          + "--iterations 1 --threads 1", CommandRun.product("autoround").path, model,
      ], in: folder)
  }

  @Test(arguments: [150_000, 200_000, 250_000, 300_000])
  func withoutMemoryARunEndsInWords(_ kilobytes: Int) throws {
    try withTemporaryFolder { folder in
      let run = try quantize(after: "ulimit -v \(kilobytes)", in: folder)
      #expect(run.status == 0 || run.status == 1, "\(run.status): \(run.standardError)")
      #expect(!run.standardError.contains("Fatal error"), "\(run.standardError)")
      if run.status == 1 {
        #expect(run.standardError.contains("memory"), "\(run.standardError)")
      }
    }
  }

  @Test(arguments: 4...9) func withoutDescriptorsARunEndsInWords(_ count: Int) throws {
    try withTemporaryFolder { folder in
      let run = try quantize(after: "ulimit -n \(count)", in: folder)
      #expect(run.status == 0 || run.status == 1, "\(run.status): \(run.standardError)")
      if run.status == 1 {
        #expect(run.standardError.contains("Too many open files"), "\(run.standardError)")
      }
    }
  }
}
