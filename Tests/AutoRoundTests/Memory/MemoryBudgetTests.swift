import AutoRound
import Diagnostics
import TestSupport
import Testing

@Suite struct MemoryBudgetTests {
  @Test(arguments: [
    ("8GB", 8_000_000_000), ("8 GiB", 8_589_934_592), ("1.5g", 1_500_000_000),
    ("512mb", 512_000_000),
    ("64KiB", 65_536), ("1000", 1000), ("2TB", 2_000_000_000_000), ("7b", 7),
  ])
  func readsSizes(_ text: String, _ byteCount: Int) throws {
    let budget = try MemoryBudget(text)
    #expect(budget.byteCount == byteCount)
    #expect(budget.isGiven)
  }

  @Test(arguments: [
    "", "GB", "8XB", "-1GB", "0", "0.1", "1e300", "nan", "8GB8", "8,5GB", "99999999TB", "٣GB",
    "1..2GB", "inf",
  ])
  func refusesOthers(_ text: String) {
    expectInputError(.invalidValue, mentioning: ["8GB"]) { try MemoryBudget(text) }
  }

  @Test func readsWhatTheSystemSays() {
    let text = "MemTotal:       24599612 kB\nMemFree: 1 kB\nMemAvailable:   23000000 kB\n"
    #expect(SystemMemory.available(meminfo: text) == 23_000_000 * 1024)
    #expect(SystemMemory.available(meminfo: "MemFree: 1 kB\n") == nil)
    #expect(SystemMemory.available(meminfo: "MemAvailable: x kB") == nil)
    #expect(SystemMemory.available(meminfo: "MemAvailable: 9223372036854775807 kB") == nil)
  }

  @Test func readsControlGroups() {
    func left(_ limit: String, _ usage: String, _ statistics: String = "") -> Int? {
      SystemMemory.available(limit: limit, usage: usage, statistics: statistics)
    }
    #expect(left("max\n", "5\n") == nil)
    #expect(left("9223372036854771712\n", "5\n") == nil)
    #expect(left("1000\n", "400\n") == 600)
    #expect(left("1000\n", "400\n", "anon 100\ninactive_file 200\nactive_file 50\n") == 850)
    #expect(left("1000\n", "1400\n") == 0)
    #expect(left("1000\n", "100\n", "inactive_file 99999\n") == 1000)
    #expect(left("1000\n", "x", "inactive_file") == nil)
  }

  @Test func theSystemSaysSomethingHere() throws {
    #if os(Linux)
      let free = try #require(SystemMemory.availableByteCount)
      #expect(MemoryBudget.available.byteCount <= free)
      #expect(!MemoryBudget.available.isGiven)
      #expect(ProcessMemory.currentByteCount > 1 << 20)
      #expect(ProcessMemory.currentByteCount <= ProcessMemory.peakByteCount)
    #endif
  }
}
