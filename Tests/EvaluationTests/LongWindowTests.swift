import AutoRound
import CKernels
import Evaluation
import Execution
import Foundation
import TestSupport
import Testing

/// Windows whose logits are made in pieces.
@Suite struct LongWindowTests {
  @Test func logitsOfAPieceTakeBoundedMemory() {
    #expect(LogitProgram.tokenLimit(vocabularySize: 256) == 1024)
    #expect(LogitProgram.tokenLimit(vocabularySize: 100_000) == 167)
    #expect(LogitProgram.tokenLimit(vocabularySize: 1 << 25) == 1)
  }

  /// 1,399 predictions are two pieces of 700, of which one is in both and counts once.
  @Test func everyTokenCountsOnce() throws {
    try TinyCheckpoint.withSource { source, _ in
      let windows = TinyCheckpoint.windows(1, tokens: 1400, seed: 5)
      let report = try Evaluation(model: source, compute: .float32)
        .run(onWindows: windows.map { $0.map { Int32($0) } })
      #expect(report.tokens == 1399)
      let logits = try TinyCheckpoint.logits(of: source, windows)
      let columns = logits.shape[2]
      let floats = logits.floats()
      let losses = (0..<1399).map { token in
        floats.withUnsafeBufferPointer {
          ck_log_sum_exp($0.baseAddress! + token * columns, columns)
        } - Double(floats[token * columns + windows[0][token + 1]])
      }
      let expected = exp(losses.reduce(0, +) / 1399)
      #expect(abs(report.perplexity - expected) < 1e-5 * expected)
    }
  }
}
