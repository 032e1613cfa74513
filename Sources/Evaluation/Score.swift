import CKernels
import Diagnostics
import Foundation
import Tensors

/// What is summed up over all predicted tokens of a model.
struct Score {
  private var negativeLogLikelihood = 0.0
  private var referenceLogLikelihood = 0.0
  private var divergences: [Double] = []
  private var agreeing = 0
  private var tokens = 0

  /// Adds tokens.
  ///
  /// - Parameters:
  ///   - logits: The model's, a row of `columns` for each token.
  ///   - reference: Those of the model that is compared with it, if there is one.
  ///   - targets: The tokens that are to be predicted.
  mutating func add(
    _ logits: UnsafePointer<Float>, against reference: UnsafePointer<Float>?, columns: Int,
    targets: ArraySlice<Int>
  ) {
    var rowScores = [RowScore](repeating: RowScore(), count: targets.count)
    rowScores.withUnsafeMutableBufferPointer { scores in
      // Threads write disjoint rows.
      nonisolated(unsafe) let (scores, logits, reference) = (scores, logits, reference)
      ThreadTeam.forRanges(of: targets.count) { begin, end in
        for row in begin..<end {
          scores[row] = RowScore(
            logits + row * columns, reference.map { $0 + row * columns },
            columns: columns, target: targets[targets.startIndex + row])
        }
      }
    }
    for score in rowScores {
      negativeLogLikelihood += score.model
      referenceLogLikelihood += score.reference
      agreeing += score.agrees ? 1 : 0
      if reference != nil { divergences.append(score.divergence) }
    }
    tokens += targets.count
  }

  /// - Throws: `notFinite` for a perplexity that is no number.
  func report(sequenceLength: Int, seconds: Double) throws(InputError) -> EvaluationReport {
    let count = Double(tokens)
    let perplexity = exp(negativeLogLikelihood / count)
    guard perplexity.isFinite else {
      throw InputError(
        .notFinite, "there is no perplexity: the model's logits are not finite numbers")
    }
    var report = EvaluationReport(
      perplexity: perplexity, tokens: tokens, sequenceLength: sequenceLength, seconds: seconds)
    if !divergences.isEmpty {
      let sorted = divergences.sorted()
      report.comparison = EvaluationReport.Comparison(
        referencePerplexity: exp(referenceLogLikelihood / count),
        klDivergenceMean: divergences.reduce(0, +) / count,
        klDivergenceP99: sorted[min(sorted.count - 1, sorted.count * 99 / 100)],
        sameTopToken: Double(agreeing) / count,
        klDivergenceByPosition: PositionMeans(of: divergences, period: sequenceLength - 1))
    }
    return report
  }
}

/// What one predicted token adds.
private struct RowScore {
  var model = 0.0
  var reference = 0.0
  var divergence = 0.0
  var agrees = false

  init() {}

  init(
    _ logits: UnsafePointer<Float>, _ known: UnsafePointer<Float>?, columns: Int, target: Int
  ) {
    model = ck_log_sum_exp(logits, columns) - Double(logits[target])
    guard let known else { return }
    reference = ck_log_sum_exp(known, columns) - Double(known[target])
    divergence = ck_kl_divergence(known, logits, columns)
    agrees = ck_largest(logits, columns) == ck_largest(known, columns)
  }
}
