import Diagnostics
package import Quantization

extension ResolvedOptions {
  /// Whether weights are rounded to nearest and nothing else.
  package var roundsPlainly: Bool { self.iterations == 0 && self.disablesOptimizedRounding }

  /// Whether scales are searched for where they can be: in place of tuning, or before it.
  package var searchesScales: Bool {
    self.iterations > 0 ? self.algorithm == .signRoundV2 : !self.disablesOptimizedRounding
  }

  /// Whether there is a search for the scales of such weights in this run.
  package func searches(_ arguments: QuantizationArguments) -> Bool {
    // Scales of blocks are searched for in any case: here, by what inputs weigh.
    if arguments.blocks != nil { return !self.disablesOptimizedRounding }
    return searchesScales
      && (self.iterations > 0 ? arguments.hasScaleSearch : arguments.hasRoundingSearch)
  }

  /// Whether the scales of any layer are searched for.
  package func searchesScales(in schemes: [String: QuantizationScheme]) -> Bool {
    schemes.values.contains { $0.weights.map(searches) ?? false }
  }

  /// What is to be said where a search was asked for and layers have none; nil where all have one.
  ///
  /// - Parameter modules: The names of modules in their order.
  package func remark(
    onMissingSearch schemes: [String: QuantizationScheme], of modules: some Sequence<String>
  ) -> String? {
    guard searchesScales else { return nil }
    let layers = modules.filter { schemes[$0]?.weights.map { !searches($0) } ?? false }
    guard !layers.isEmpty else { return nil }
    return enumerated(layers, "layer") + " "
      + (self.iterations > 0
        ? "tuned by signround: signround-v2 begins with a search for scales, which asymmetric integers, "
          + "FP8 and one scale for a whole tensor do not have"
        : "rounded plainly to nearest: there is no search for the scales of asymmetric integers of more "
          + "than 2 bits, of FP8, or for one scale for a whole tensor")
  }
}
