package import Recordings
package import Tensors

/// How a model ends: the last norm and the head, which make logits of the last block's output.
///
/// It is recorded, loaded, run and tuned like one more block, whose tensors have no common name before theirs.
package struct ModelEnd: DecoderBlock {
  /// Nil: the last block's output is normalized already.
  package var norm: NormSlot?
  package var head: LayerSlot
  /// The token table, which is the head's weight too if the checkpoint has none of its own; nil if the two are
  /// not tied.
  package var tiedTable: StoredMatrix?
  /// Factor on the logits.
  package var factor: Float = 1
  /// A bound `c` that logits come close to, `c tanh(l / c)`.
  package var cap: Float?
  /// The type of the logits; nil for the compute type. Another type cannot be tuned.
  package var logits: ComputeType?

  package init(
    norm: NormSlot? = nil, head: LayerSlot, tiedTable: StoredMatrix? = nil, factor: Float = 1,
    cap: Float? = nil, logits: ComputeType? = nil
  ) {
    self.norm = norm
    self.head = head
    self.tiedTable = tiedTable
    self.factor = factor
    self.cap = cap
    self.logits = logits
  }

  package var width: Int { head.inputs }
  package var isTied: Bool { tiedTable != nil }

  package func record(_ x: Value, in recorder: inout BlockRecorder) -> Value {
    var logits = recorder.linear(
      [head], norm.map { recorder.norm($0, x) } ?? x, as: logits)
    for function in [factor == 1 ? nil : .scaled(factor), cap.map(ElementFunction.capped)] {
      guard let function else { continue }
      logits = recorder.operations.map(function, recorder.operations.operand(logits))
    }
    return logits
  }

  /// The same end with its head where `source` has it.
  package func found(in source: any TensorSource) -> ModelEnd {
    guard let tiedTable, !source.contains(head.weight.tensor) else { return self }
    var end = self
    end.head.weight = tiedTable
    return end
  }
}
