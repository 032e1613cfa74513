/// What becomes of a model's head, the matrix that turns hidden states into logits.
public enum HeadTreatment: String, Sendable, CaseIterable {
  /// It stays as it is.
  case keep
  /// It is quantized like the layers of blocks, and tuned on its own outputs. A head that is the embedding
  /// cannot be: the two are one table.
  case quantize
}
