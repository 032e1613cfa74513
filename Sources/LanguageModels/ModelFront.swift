/// How a model begins: the table that turns token ids into the first block's input.
package struct ModelFront: Hashable, Sendable {
  /// The module's name; its weight, `[vocabularySize, width]`, is `<name>.weight`.
  package var name: String
  package var vocabularySize: Int
  package var width: Int

  /// The table in the checkpoint.
  package var table: StoredMatrix { StoredMatrix("\(name).weight") }
}
