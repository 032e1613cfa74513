package import Testing

/// Runs tests one at a time, whatever suite or target they are in: for those that change a setting of the
/// whole process, such as the instruction set, and those that a change amid a run would disturb.
package struct OneAtATime: SuiteTrait, TestTrait, TestScoping {
  package var isRecursive: Bool { true }

  package func provideScope(
    for test: Test, testCase: Test.Case?,
    performing function: @Sendable () async throws -> Void
  ) async throws {
    await Turn.shared.take()
    do {
      try await function()
      await Turn.shared.pass()
    } catch {
      await Turn.shared.pass()
      throw error
    }
  }

  /// Whose turn it is: one test holds it, the others wait in line.
  private actor Turn {
    static let shared = Turn()
    private var isTaken = false
    private var line: [CheckedContinuation<Void, Never>] = []

    func take() async {
      guard isTaken else {
        isTaken = true
        return
      }
      await withCheckedContinuation { line.append($0) }
    }

    func pass() {
      if line.isEmpty { isTaken = false } else { line.removeFirst().resume() }
    }
  }
}

extension Trait where Self == OneAtATime {
  /// No two tests with this trait run at the same time.
  package static var oneAtATime: Self { OneAtATime() }
}
