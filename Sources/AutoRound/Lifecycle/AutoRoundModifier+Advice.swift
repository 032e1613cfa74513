import Diagnostics
import Execution
import Recipes
import Reporting

/// What a run says about its own settings and its result, in words that name what to do instead.
extension AutoRoundModifier {
  /// With a larger first step, offsets have left the grid before the rate has fallen: tuning then often ends
  /// worse than plain rounding.
  private static let largestStep = 1.0 / 50

  var remarkOnLargeSteps: String? {
    let (iterations, learningRate) = (options.iterations, options.learningRate)
    // No bit count makes the first step of few iterations another.
    guard iterations > 0, learningRate.value(bitCount: 8, iterations: iterations) > Self.largestStep
    else { return nil }
    return switch learningRate {
    case .automatic:
      "\(OptionName.iterations.with(iterations)) (iters in a recipe) makes the first step "
        + "1/\(iterations): above 1/50, tuning often ends worse than plain rounding; use "
        + "\(OptionName.iterations.with("50")) or more, \(OptionName.preset.with("light")), or "
        + "\(OptionName.iterations.with("0")), which rounds"
    case .fixed(let rate):
      "\(OptionName.learningRate.with(rate)) (lr in a recipe) is above 1/50, where tuning often "
        + "ends worse than plain "
        + "rounding; use at most 0.02, or leave it out for 1/iterations"
    }
  }

  /// The share of a loss above which it says little about the tokens that do not carry it.
  private static let massiveShare = 0.5

  /// One line for all blocks that tuning did not help, one for those whose loss is that of few tokens, and one for experts
  /// that were not tuned.
  func remarks(onLossesOf blocks: [BlockReport]) -> [String] {
    guard options.iterations > 0 else { return [] }
    var remarks: [String] = []
    let blocks = blocks.filter { $0.rtnLoss > 0 }
    let idle = blocks.filter { $0.gain <= 0 }
    if !idle.isEmpty {
      remarks.append(
        "tuning did not lower the loss of \(Self.list(idle.map(\.name))), of \(counted(blocks.count, "block")); "
          + "more samples or iterations may help")
    }
    let massive = blocks.filter { $0.lossShareOfFew >= Self.massiveShare }
    if let worst = massive.max(by: { $0.lossShareOfFew < $1.lossShareOfFew }) {
      remarks.append(
        "one token in \(TokenErrors.tokensForEachMassive) carries most of the loss of "
          + "\(Self.list(massive.map(\.name))), \(Quantities.percent(worst.lossShareOfFew)) in \(worst.name) "
          + "(massive activations); these losses say little about the other tokens")
    }
    let scarce = blocks.flatMap { block in
      (block.experts?.rounded ?? []).map { "\(block.name).\($0.name) (\($0.tokenCount))" }
    }
    if !scarce.isEmpty {
      remarks.append(
        counted(scarce.count, "expert")
          + " got fewer than \(options.expertTokenLimit) tokens of calibration "
          + "(\(OptionName.expertTokenLimit)): rounded, not tuned: \(Self.list(scarce)); more samples reach "
          + "more of them")
    }
    return remarks
  }

  /// The first names, and how many there are besides.
  private static func list(_ names: [String]) -> String {
    let shown = names.prefix(names.count > 5 ? 4 : 5).joined(separator: ", ")
    return names.count > 5 ? "\(shown) and \(names.count - 4) more" : shown
  }
}
