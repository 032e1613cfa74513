import Diagnostics

/// Turns a piece of text into the ids of tokens.
protocol TokenModel: Sendable {
  var vocabulary: Vocabulary { get }

  /// Appends the ids for a piece, which is not empty.
  ///
  /// - Throws: `InputError` if a character has no id and the model has none for unknown ones.
  func encode(
    _ piece: Span<UInt8>, to ids: inout [Int], _ workspace: inout EncodingWorkspace
  ) throws(InputError)
}
