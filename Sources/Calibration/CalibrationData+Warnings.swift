import Diagnostics

extension CalibrationData {
  /// Tokens below which nothing is said about how many are distinct.
  private static let tellingTokenCount = 1024

  /// What is wrong with all samples together.
  static func warnings(
    on samples: [Sample], of request: Request, _ vocabulary: Vocabulary, heldOutCount: Int,
    source: String
  ) -> [String] {
    var warnings: [String] = []
    let repeatedCount = samples.count - Set(samples.map(\.ids)).count
    if repeatedCount > 0 {
      warnings.append(
        "\(repeatedCount) of \(counted(samples.count, "sample")) in \(source) are repetitions")
    }
    warnings += remark(on: samples, vocabulary, source).map { [$0] } ?? []
    let predicted = heldOutCount * (request.sequenceLength - 1)
    if heldOutCount == 0, request.heldOutCount > 0 {
      warnings.append(
        "\(source) has nothing left to measure the result on; perplexity and divergence are not in the "
          + "report")
    } else if heldOutCount < request.heldOutCount, predicted < HeldOutText.tellingTokenCount {
      warnings.append(
        "\(source) has \(Quantities.count(predicted)) tokens left to measure the result on; a perplexity "
          + "on fewer than \(Quantities.count(HeldOutText.tellingTokenCount)) says little")
    }
    return warnings
  }

  /// A sentence about samples of few distinct tokens, such as numbers or padding: text of n tokens has far more than √n of
  /// them, unless the vocabulary is small.
  private static func remark(
    on samples: [Sample], _ vocabulary: Vocabulary, _ source: String
  ) -> String? {
    var counts: [Int32: Int] = [:]
    for sample in samples {
      for id in sample.ids { counts[id, default: 0] += 1 }
    }
    let total = counts.values.reduce(0, +)
    guard total >= tellingTokenCount,
      let most = counts.max(by: { ($0.value, $1.key) < ($1.value, $0.key) })
    else { return nil }
    let cure = "; calibrate on text like what the model will be given"
    if 2 * most.value > total {
      let text = (try? vocabulary.coding.decode([Int(most.key)])).map(quoted) ?? "\(most.key)"
      return
        "one token, \(text), makes \(Quantities.percent(Double(most.value) / Double(total))) of the samples of "
        + source + cure
    }
    let least = min(Double(total).squareRoot(), Double(vocabulary.size) / 16)
    guard Double(counts.count) < least else { return nil }
    return "the samples of \(source) have only \(counted(counts.count, "distinct token")) in "
      + Quantities.count(total) + cure
  }
}
