import Diagnostics
import Execution
import LanguageModels
import Recipes

extension ResolvedOptions {
  /// Tokens of a sample: as asked, or the default as far as the model has positions.
  func tokensOfSample(for source: SourceModel) throws -> Int {
    let length = self.sequenceLength
    let limit = source.description.positionLimit
    guard length > limit else { return length }
    guard isSequenceLengthGiven else { return limit }
    throw InputError(
      .invalidValue, source: OptionName.sequenceLength.description,
      "found \(length), expected at most \(limit), the model's max_position_embeddings")
  }
}
