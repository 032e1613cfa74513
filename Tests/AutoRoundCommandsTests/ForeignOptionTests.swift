import AutoRoundCommands
import Foundation
import TestSupport
import Testing

/// What other programs call our options.
@Suite struct ForeignOptionTests {
  /// docs/OPTIONS.md has a row for each, in the same words, and no others.
  @Test func theDocumentationListsTheSame() throws {
    let file = Fixtures.examples.deletingLastPathComponent().appending(path: "docs/OPTIONS.md")
    let rows = try String(contentsOf: file, encoding: .utf8).split(separator: "\n").filter {
      $0.hasPrefix("| ") && !$0.hasPrefix("| auto-round")
    }
    func code(_ names: [String]) -> String { names.map { "`\($0)`" }.joined(separator: " ") }
    let expected = ForeignOption.all.map { option in
      "| \(code(option.autoRound)) | \(code(option.compressor)) | "
        + "\(code(option.flag.map { [$0] } ?? [])) | \(option.remark) |"
    }
    #expect(rows.map(String.init) == expected)
    #expect(rows.count > 40)
  }

  /// No flag of ours is called another one, and those that are named are there.
  @Test func flagsAreThere() throws {
    let help = try Invocation("quantize", "--help")
    #expect(help.status == 0)
    for option in ForeignOption.all {
      #expect(option.flag != nil || !option.remark.isEmpty)
      guard let flag = option.flag?.split(separator: " ").first else { continue }
      #expect(help.output.contains("\(flag)"), "\(flag)")
    }
    let names = ForeignOption.all.flatMap { $0.autoRound + $0.compressor }
    #expect(Set(names).count == names.count)
  }
}
