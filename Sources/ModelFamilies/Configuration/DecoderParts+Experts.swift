import LanguageModels

extension DecoderParts {
  /// What follows the first part of each block: a feed-forward part or experts, each made only if a block has it.
  func secondParts(
    isDense: [Bool], experts: () throws -> Experts
  ) throws -> [Sublayer.Mixer] {
    let dense = isDense.contains(true) ? Sublayer.Mixer.feedForward(try feedForward()) : nil
    let sparse = isDense.contains(false) ? Sublayer.Mixer.experts(try experts()) : nil
    return isDense.compactMap { $0 ? dense : sparse }
  }

  /// The model of blocks with this attention, of which some have experts.
  func model(_ attention: Sublayer.Mixer, _ experts: ExpertsReader, isDense: [Bool]) throws
    -> ModelDescription
  {
    let second = try secondParts(isDense: isDense) { try experts.experts() }
    return model(second.map { block(attention, $0) })
  }
}
