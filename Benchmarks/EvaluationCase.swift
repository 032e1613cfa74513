import AutoRound
import Compute
import Evaluation
import Foundation
import JSONText

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
    // The example has 6 blocks and a vocabulary of 4096; a forward pass is a third of attention's operations.
    let (blocks, vocabulary, window) = (6, 4096, 512)
    let weights = Double(
      blocks * BlockShape.example.weights + vocabulary * BlockShape.example.hidden)
    let operations =
      2 * weights * Double(tokens) + Double(blocks * tokens / window)
      * BlockShape.example.attentionOperations(sequences: 1, tokens: window) / 3
    return [
      "",
      String(
        format: "perplexity of the example model on %d tokens: %.2f s, %.0f %% of the matrix rate",
        tokens, seconds, 100 * operations / seconds / rate),
    ]
  }
}
