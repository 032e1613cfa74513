import Foundation
import TestSupport
import Testing

/// The runner of commands is itself checked, so that a test of a command cannot pass by accident.
@Suite struct CommandRunTests {
  let shell = URL(filePath: "/bin/sh")

  @Test func reportsStatusAndBothOutputs() throws {
    let run = try CommandRun(
      shell, ["-c", "echo out; echo $WORD >&2; exit 3"], environment: ["WORD": "err"])
    #expect(run.status == 3)
    #expect(run.standardOutput == "out\n")
    #expect(run.standardError == "err\n")
  }

  @Test func reportsSignalsAsAShellDoes() throws {
    #expect(try CommandRun(shell, ["-c", "kill -9 $$"]).status == 137)
  }

  @Test func keepsAllOfALongOutput() throws {
    let run = try CommandRun(shell, ["-c", "yes line | head -100000"])
    #expect(run.standardOutput.utf8.count == 500_000)
  }

  @Test func endsACommandThatTakesTooLong() {
    #expect(throws: CommandTimeout.self) {
      try CommandRun(shell, ["-c", "exec sleep 60"], within: 0.2)
    }
  }

  @Test func temporaryFoldersAreGoneAfterwards() throws {
    let folder = try withTemporaryFolder { folder in
      try Data().write(to: folder.appending(path: "file"))
      #expect(try names(in: folder) == ["file"])
      return folder
    }
    #expect(!FileManager.default.fileExists(atPath: folder.path))
  }

  @Test func executablesOfThePackageAreBesideTheTests() throws {
    let run = try CommandRun(CommandRun.product("autoround"), ["--version"])
    #expect(run.status == 0)
  }
}
