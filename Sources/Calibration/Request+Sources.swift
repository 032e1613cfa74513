import Diagnostics
import Foundation

extension CalibrationData.Request {
  /// The samples of a source, and what the user should know about them.
  func found(
    in source: CalibrationSource, _ vocabulary: CalibrationData.Vocabulary
  ) throws -> (found: CalibrationData.Found, warnings: [String]) {
    if case .mixture(let parts) = source { return try found(in: parts, vocabulary) }
    let found: CalibrationData.Found = try naming(source.name) {
      let seed = settings.shuffleSeed
      switch source {
      case .builtin: return try windows(of: BuiltinText.text(), vocabulary)
      case .text(let file): return try windows(of: FileBytes.map(file), vocabulary)
      case .records(let file):
        let isDocument = file.pathExtension.lowercased() == "json"
        return try records(
          RecordFile(FileBytes.map(file), isDocument: isDocument, shuffledBy: seed), vocabulary)
      case .mixture: preconditionFailure("a mixture has parts")
      }
    }
    return (found, found.warnings(for: self, vocabulary, source: source.name))
  }

  /// The samples of all parts, in their order; those of each are its share.
  private func found(
    in parts: [CalibrationSource.Part], _ vocabulary: CalibrationData.Vocabulary
  ) throws -> (found: CalibrationData.Found, warnings: [String]) {
    guard !parts.isEmpty, parts.allSatisfy({ $0.weight.isFinite && $0.weight > 0 }) else {
      throw InputError(
        .invalidValue, "a mixture has a part at least, and each a weight that is a number above 0")
    }
    var all = CalibrationData.Found()
    var warnings: [String] = []
    let weights = parts.map(\.weight)
    let counts = Self.shares(of: sampleCount, weights)
    let heldOutCounts = Self.shares(of: heldOutCount, weights)
    for (index, part) in parts.enumerated() {
      guard counts[index] > 0 else {
        warnings.append("\(part.source.name) has so small a weight that it gives no sample")
        continue
      }
      var request = self
      (request.sampleCount, request.heldOutCount) = (counts[index], heldOutCounts[index])
      let own = try request.found(in: part.source, vocabulary)
      all.samples += own.found.samples
      all.heldOut += own.found.heldOut
      all.shortCount += own.found.shortCount
      all.conversationCount += own.found.conversationCount
      warnings += own.warnings
    }
    return (all, warnings)
  }

  /// Parts of a number by their weights, which add up to it.
  static func shares(of count: Int, _ weights: [Double]) -> [Int] {
    // In proportion to the largest, so that no sum is infinite.
    let largest = weights.max() ?? 1
    let sum = weights.reduce(0) { $0 + $1 / largest }
    var (before, given) = (0.0, 0)
    return weights.map { weight in
      before += weight / largest / sum
      let next = min(count, Int((Double(count) * before).rounded()))
      defer { given = next }
      return next - given
    }
  }
}
