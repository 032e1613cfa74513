/// Layers of a block that are tuned together: all of them, or, where memory does not suffice for that, what belongs to no
/// expert first, and then some experts after the others.
///
/// While a portion is tuned, the layers of those before it have their quantized weights, and those of later ones are in
/// full precision. The loss is the block's in each.
package struct Portion: Equatable, Sendable {
  /// Positions of the layers among those of the block that are quantized, in order.
  package let layers: [Int]
  /// The least and the greatest number of its experts; nil for layers that belong to none, or for a whole block.
  package let experts: ClosedRange<Int>?

  package init(layers: [Int], experts: ClosedRange<Int>?) {
    (self.layers, self.experts) = (layers, experts)
  }

  /// What it is called in messages and reports.
  package var name: String {
    guard let experts else { return "all but experts" }
    return experts.count == 1
      ? "expert \(experts.lowerBound)" : "experts \(experts.lowerBound) to \(experts.upperBound)"
  }

  /// Cuts a block's layers into so many portions, or as many as there can be if that is less. Experts' numbers of portions
  /// differ by one at most.
  ///
  /// - Parameter experts: The number of the expert of each layer that is quantized; nil for one that belongs to none. The
  ///   layers of an expert stay together.
  package static func cut(_ experts: [Int?], into count: Int) -> [Portion] {
    let numbers = Set(experts.compactMap(\.self)).sorted()
    let others = experts.indices.filter { experts[$0] == nil }
    let parts = min(count - (others.isEmpty ? 0 : 1), numbers.count)
    guard count > 1, parts > 0 else {
      return [Portion(layers: Array(experts.indices), experts: nil)]
    }
    let ofExperts = (0..<parts).map { part in
      let own = numbers[part * numbers.count / parts..<(part + 1) * numbers.count / parts]
      let range = own[own.startIndex]...own[own.endIndex - 1]
      return Portion(
        layers: experts.indices.filter { experts[$0].map(range.contains) ?? false },
        experts: range)
    }
    return (others.isEmpty ? [] : [Portion(layers: others, experts: nil)]) + ofExperts
  }

  /// The most portions that such layers can be cut into.
  package static func countLimit(_ experts: [Int?]) -> Int {
    let count = Set(experts.compactMap(\.self)).count
    return max(1, count + (experts.contains(nil) ? 1 : 0))
  }

  /// How many times as long as whole blocks it takes to tune them in so many portions, about.
  ///
  /// A step is three products of each weight with the rows that reach its expert: forward, and for the gradients of inputs
  /// and of weights. Beside them each weight is rounded, made and moved, which takes as long as a product with some more
  /// rows. The first portion takes the first two of all weights; each one after it the first of all, and for the gradient of
  /// inputs that of experts' last layers, a third of them. All else is done once, whatever the number of portions.
  ///
  /// - Parameter rows: Rows of a batch that reach an expert.
  package static func timeFactor(_ count: Int, rows: Double) -> Double {
    1 + Double(count - 1) * 4 / 3 * rows / (3 * rows + rowsOfRounding)
  }

  /// The rows whose product with a weight takes as long as rounding, making and moving the weight in a step.
  private static let rowsOfRounding = 300.0
}
