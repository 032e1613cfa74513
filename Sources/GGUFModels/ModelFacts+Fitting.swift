import Diagnostics
import LanguageModels
import Recordings

extension ModelFacts {
  /// Checks that an architecture of llama.cpp computes what the model does.
  ///
  /// - Returns: What is otherwise in a way that short texts do not show.
  /// - Throws: `unsupported`, naming what is otherwise.
  func requireFits(_ architecture: GGUFArchitecture) throws(InputError) -> [String] {
    func failure(_ what: String, place: String? = nil) -> InputError {
      InputError(
        .unsupported, place: place,
        "found \(what), which llama.cpp does not compute for models of the architecture "
          + architecture.name)
    }
    var features = features(besides: architecture.function)
    if features.contains(.scoreScale), !architecture.features.contains(.scoreScale),
      architecture.widthScaledBlockCount == blockCount, hasScaleOfWidth
    {
      features.removeAll { $0 == .scoreScale }
    }
    var remarks: [String] = []
    if architecture.approximatesGELU, features.contains(.otherFunction(.gelu)) {
      features.removeAll { $0 == .otherFunction(.gelu) }
      remarks.append(
        "llama.cpp approximates the function of feed-forward parts by tanh for models of the "
          + "architecture \(architecture.name)")
    }
    if let remark = architecture.remark?(self) { remarks.append("llama.cpp " + remark) }
    if architecture.isParallel, !isParallel { throw failure("sublayers one after the other") }
    if let what = architecture.refusal?(self) { throw failure(what) }
    if let other = features.first(where: { !architecture.features.contains($0) }) {
      throw failure(other.description)
    }
    if let period = architecture.unrotatedPeriod, features.contains(.unrotatedBlocks) {
      let rotated = rotaries.map { $0 != nil }
      guard rotated == (0..<blockCount).map({ ($0 + 1) % period != 0 }) else {
        throw failure("blocks without positions that are not every \(period)th")
      }
    }
    if delta != nil {
      let interval = fullAttentionInterval
      guard attentions.map({ $0 != nil }) == (0..<blockCount).map({ ($0 + 1) % interval == 0 })
      else { throw failure("attention in other blocks than every \(interval)th") }
    }
    return try remarks
      + requireWindowsFit(architecture, failure: { failure($0, place: "layer_types") })
  }

  private func requireWindowsFit(
    _ architecture: GGUFArchitecture, failure: (String) -> InputError
  ) throws(InputError) -> [String] {
    if architecture.hasAnyWindows, window != nil { return [] }
    guard let window else {
      // Architectures with windows take them for granted.
      guard let period = architecture.slidingPeriod,
        !architecture.keys.contains(where: {
          $0.key == KeyRule.slidingBlocks.key
        }), (0..<blockCount).contains(where: { ($0 + 1) % period != 0 })
      else { return [] }
      throw failure("no windows")
    }
    guard window < model.positionLimit else { return [] }
    guard let period = architecture.slidingPeriod else {
      return [
        "llama.cpp has no windows for models of the architecture \(architecture.name): from "
          + "\(window) tokens on, answers differ"
      ]
    }
    guard slidingBlocks == (0..<blockCount).map({ ($0 + 1) % period != 0 }) else {
      throw failure("windows in other blocks than all but every \(period)th")
    }
    return []
  }

  /// Whether scores are scaled by the root of the width over the number of heads.
  private var hasScaleOfWidth: Bool {
    guard let shape else { return false }
    let scale = 1 / Float(model.hiddenSize / shape.headCount).squareRoot()
    return abs(shape.scale - scale) <= 1e-4 * scale
  }
}
