import CPU
import Compute
import Foundation
import JSONText
import Recordings
import TestSupport
import Testing

/// What `--memory-budget` says holds, and makes no difference to the result.
@Suite struct MemoryBudgetTests {
  private let model = Fixtures.examples.appending(path: "books-llama-6m").path
  private let arguments = [
    "--samples", "512", "--sequence-length", "128", "--batch-size", "4", "--iterations", "1",
    "--json",
  ]

  private func quantize(_ output: URL, _ more: [String] = []) throws -> (run: CommandRun, peak: Int)
  {
    let run = try CommandRun(["quantize", model, "--output", output.path] + arguments + more)
    let report = try? JSONValue.parse(run.lastLine)
    return (run, report?["peak_memory_bytes"]?.intValue ?? 0)
  }

  @Test func spillingBoundsMemoryAndChangesNothing() throws {
    try withTemporaryFolder { folder in
      let plain = folder.appending(path: "plain")
      let unbounded = try quantize(plain)
      #expect(unbounded.run.status == 0, "\(unbounded.run.errors)")
      #expect(!unbounded.run.errors.contains("scratch"))
      let least = try leastBudget(folder)
      #expect(least < unbounded.peak)
      // A stream takes 33.6 MB in bf16, of which a window of 8.4 MB is in memory where it is spilled.
      for (name, budget, text) in [
        ("none", least, "both streams"), ("one", least + 30_000_000, "one of two streams"),
      ] {
        let output = folder.appending(path: name)
        let run = try quantize(output, ["--memory-budget", "\(budget)"])
        #expect(run.run.status == 0, "\(run.run.errors)")
        #expect(run.run.errors.contains("of hidden states, "), "\(run.run.errors)")
        if run.run.errors.contains("33.6 MB each") {
          #expect(run.run.errors.contains(text), "\(run.run.errors)")
        }
        withKnownIssue("products of f32 take memory that no plan counts", isIntermittent: true) {
          #expect(
            run.peak <= budget, "\(run.peak) of \(budget) bytes, \(unbounded.peak) without one")
        } when: {
          ComputeType.automatic == .float32
        }
        #expect(try contents(output) == contents(plain))
        #expect(try names(in: folder).filter { $0.hasSuffix(".partial") }.isEmpty)
      }
    }
  }

  /// What the error about a budget that cannot be kept says, rounded up.
  private func leastBudget(_ folder: URL) throws -> Int {
    let run = try quantize(folder.appending(path: "out"), ["--memory-budget", "10MB"]).run
    #expect(run.status == 1)
    let message = "--memory-budget: found 10.0 MB, but tuning a block takes "
    let range = try #require(run.errors.range(of: message), "\(run.errors)")
    let words = run.errors[range.upperBound...].split(separator: " ")
    let number = try #require(Double(String(words[0])), "\(run.errors)")
    #expect(words[1].hasPrefix("MB"), "\(run.errors)")
    #expect(!FileManager.default.fileExists(atPath: folder.appending(path: "out.partial").path))
    return Int(number * 1e6) + 2_000_000
  }

  @Test func aBudgetThatIsNoSizeIsRefused() throws {
    let run = try quantize(URL(filePath: "/nonexistent/out"), ["--memory-budget", "plenty"]).run
    #expect(run.status == 64)
    #expect(run.errors.contains("expected a size such as 8GB"), "\(run.errors)")
  }

  /// The files of a folder that hold no timings, with their bytes.
  private func contents(_ folder: URL) throws -> [String: Data] {
    let names = try names(in: folder).filter {
      !["quantization_report.json", "report.html", "README.md"].contains($0)
    }
    return Dictionary(
      uniqueKeysWithValues: try names.map { ($0, try Data(contentsOf: folder.appending(path: $0))) }
    )
  }
}
