public import Tokenization

extension CalibrationData {
  /// Reads samples from a source.
  ///
  /// - Parameters:
  ///   - source: Where the text is.
  ///   - tokenizer: The model's tokenizer.
  ///   - sampleCount: The number of samples wanted. Fewer are no error; ``warnings`` says so.
  ///   - sequenceLength: Tokens per sample.
  ///   - vocabularySize: The number of rows of the model's embedding; every id must be below it.
  ///   - heldOutCount: Samples to read after those, for ``heldOut``, as far as there are more.
  /// - Throws: `InputError` if there is not one full sample, if a line is malformed (with its
  ///   number), or if an id is not in the vocabulary.
  /// - Precondition: The first three numbers are positive.
  public init(
    _ source: CalibrationSource, tokenizer: Tokenizer, sampleCount: Int, sequenceLength: Int,
    vocabularySize: Int, heldOutCount: Int = 0
  ) throws {
    let coding = TextCoding(
      encode: { try tokenizer.encode($0, addingSpecialTokens: true) },
      decode: { tokenizer.decode($0, skippingSpecialTokens: false) })
    try self.init(
      source, coding: coding, sampleCount: sampleCount, sequenceLength: sequenceLength,
      vocabularySize: vocabularySize, heldOutCount: heldOutCount)
  }
}
