import Diagnostics
import Execution
import LanguageModels
import Recipes

extension ResolvedOptions {
  /// Tokens of a sample: as asked, or the default as far as the model has positions.
  func sequenceLength(for source: SourceModel) throws -> Int {
    let limit = source.description.maximumPositions
    guard sequenceLength > limit else { return sequenceLength }
    guard isSequenceLengthGiven else { return limit }
    throw InputError(
      .invalidValue, source: OptionName.sequenceLength.description,
      "found \(sequenceLength), expected at most \(limit), the model's max_position_embeddings")
  }
}
