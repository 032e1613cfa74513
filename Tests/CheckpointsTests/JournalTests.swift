import Checkpoints
import Diagnostics
import Foundation
import JSONText
import TestSupport
import Testing

/// Records come back as they were; what is cut off is left out, what is damaged is refused.
@Suite struct JournalTests {
  private func records(_ count: Int) -> [JSONValue] {
    (0..<count).map { ["number": JSONValue($0), "text": .string("line\n\($0)")] }
  }

  private func journal(_ folder: URL, _ count: Int) throws -> URL {
    let file = folder.appending(path: "journal")
    let journal = try Journal(at: file.path)
    for record in records(count) { try journal.append(record) }
    #expect(try Journal(at: file.path).records == records(count))
    return file
  }

  @Test func everyCutLeavesWholeRecords() throws {
    try withTemporaryFolder { folder in
      let bytes = [UInt8](try Data(contentsOf: journal(folder, 3)))
      let ends = bytes.indices.filter { bytes[$0] == 0x0A }
      for length in 0...bytes.count {
        let file = folder.appending(path: "cut")
        try Data(bytes[..<length]).write(to: file)
        let whole = ends.count { $0 < length }
        let cut = try Journal(at: file.path)
        #expect(cut.records == records(whole))
        guard length % 37 == 0 else { continue }
        // And it goes on from there.
        try cut.append(["more": true])
        #expect(try Journal(at: file.path).records == records(whole) + [["more": true]])
      }
    }
  }

  @Test func everyFlippedBitIsFound() throws {
    try withTemporaryFolder { folder in
      let bytes = [UInt8](try Data(contentsOf: journal(folder, 3)))
      let lastLine = try #require(bytes.dropLast().lastIndex(of: 0x0A))
      for place in bytes.indices {
        var damaged = bytes
        damaged[place] ^= UInt8(1 << (place % 8))
        if place < lastLine {
          expectInputError(.malformed, mentioning: ["journal"]) {
            try Journal.parse(damaged, "journal")
          }
        } else if place > lastLine {
          #expect(try Journal.parse(damaged, "journal").records == records(2))
        }
      }
    }
  }
}
