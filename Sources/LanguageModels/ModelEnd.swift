package import Compute
package import Tensors

/// How a model ends: the last norm and the head, which make logits of the last block's output.
///
/// It is recorded, loaded, run and tuned like one more block, whose tensors have no common name before theirs.
package struct ModelEnd: DecoderBlock {
  package var norm: NormSlot
  package var head: LayerSlot
  /// The token table, which is the head's weight too if the checkpoint has none of its own; nil if the two are
  /// not tied.
  package var tiedTable: StoredMatrix?
  /// The type of the logits; nil for the compute type. Another type cannot be tuned.
  package var logits: ComputeType?

  package var width: Int { norm.columns }
  package var isTied: Bool { tiedTable != nil }

  package func record(_ x: Value, in recorder: inout BlockRecorder) -> Value {
    recorder.linear([head], recorder.norm(norm, x), as: logits)
  }

  /// The same end with its head where `source` has it.
  package func found(in source: any TensorSource) -> ModelEnd {
    guard let tiedTable, !source.contains(head.weight.tensor) else { return self }
    var end = self
    end.head.weight = tiedTable
    return end
  }
}
