import AutoRound
import CPU
import Compute
import Evaluation
import Foundation
import JSONText
import LanguageModels
import Recordings

/// Perplexity of the example model, from opening its files to the figure, beside the matrix rate.
enum EvaluationCase {
  static let name = "evaluation"

  static func run() throws -> [String] {
    let evaluation = Evaluation(model: URL(filePath: "Examples/books-llama-6m"))
    let text = URL(filePath: "Examples/data/evaluation.txt")
    let rate = try MatrixRate(.example, rows: 4096, type: ComputeType.automatic.product).perSecond
    var tokens = 0
    let seconds = try medianSeconds(repetitions: 3) {
      tokens = try evaluation.run(onText: text).tokens
    }
    // The example has 6 blocks and a vocabulary of 4096.
    let (blocks, vocabulary, window) = (6, 4096, 512)
    let block = try BlockProgram(
      BlockShape.example.block, batch: 1, tokens: window, device: CPUDevice(compute: .automatic),
      training: .nothing)
    let operations =
      Double(blocks * tokens / window) * OperationCount(block.program).total
      + 2 * Double(vocabulary * BlockShape.example.hidden) * Double(tokens)
    return [
      "",
      String(
        format: "perplexity of the example model on %d tokens: %.2f s, %.0f %% of the matrix rate",
        tokens, seconds, 100 * operations / seconds / rate),
    ]
  }
}
