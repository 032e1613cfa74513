import AutoRound
import Diagnostics
import Foundation
import Testing

/// Errors as programs show them that know nothing of this package.
@Suite struct ErrorTextTests {
  @Test func anInterruptionSaysHowFarItCame() {
    let kept = interruption(after: 2)
    #expect(
      kept.localizedDescription
        == "interrupted after 2 of 6 blocks; a run with the same arguments goes on after them")
    #expect("\(kept)" == kept.localizedDescription)
    let none = interruption(after: 0)
    #expect(
      none.localizedDescription
        == "interrupted before the first block was done; nothing is left behind")
  }

  @Test func anInputErrorIsItsSentence() {
    let error: any Error = InputError(.missing, source: "a.json", place: "key", "is missing")
    #expect(error.localizedDescription == "a.json: key: is missing")
  }

  private func interruption(after count: Int) -> any Error {
    RunInterruption(finishedBlocks: count, blockCount: 6)
  }
}
