import AutoRound
import Foundation
import TestSupport
import Testing

/// What the program says of itself.
@Suite struct VersionTests {
  private func lines(of program: URL, kernels: String? = nil) throws -> [String] {
    let run = try CommandRun(
      program, ["--version"], environment: kernels.map { ["AUTOROUND_ISA": $0] } ?? [:])
    #expect(run.status == 0, "\(run.standardError)")
    return run.standardOutput.split(separator: "\n").map(String.init)
  }

  @Test func namesKernelsAndLibrary() throws {
    let lines = try lines(of: CommandRun.product("autoround"), kernels: "portable")
    #expect(lines.count == 4)
    #expect(lines.first == "autoround \(ProgramVersion.current)")
    #expect(lines.dropFirst(2).first == "kernels   portable")
    #expect(lines.last?.hasPrefix("products  oneDNN ") == true)
  }

  /// As `Scripts/stamp` does it.
  @Test(arguments: [
    ("1.2.3\n0123abc\n", "autoround 1.2.3", "commit    0123abc"),
    ("\n0123abc\nchanged", "autoround 0.1.0-dev", "commit    0123abc, with changes"),
    ("", "autoround 0.1.0-dev", "commit    unknown: not built by make"),
  ])
  func isStamped(_ text: String, _ first: String, _ second: String) throws {
    try withTemporaryFolder { folder in
      let (program, stamp) = (folder.appending(path: "program"), folder.appending(path: "stamp"))
      try FileManager.default.copyItem(at: CommandRun.product("autoround"), to: program)
      try (Data(text.utf8) + Data(count: 129 - text.utf8.count)).write(to: stamp)
      let run = try CommandRun(
        URL(filePath: "/usr/bin/objcopy"),
        ["--update-section", "autoround_stamp=\(stamp.path)", program.path])
      #expect(run.status == 0, "\(run.standardError)")
      #expect(try Array(lines(of: program).prefix(2)) == [first, second])
    }
  }
}
