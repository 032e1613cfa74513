package import Compute

/// The block of Llama and its relatives:
///
///     x = x + attention(norm(x));  x = x + mlp(norm(x))
package struct ResidualBlock: DecoderBlock {
  package var attentionNorm: NormSlot
  package var attention: SelfAttention
  package var mlpNorm: NormSlot
  package var mlp: GatedMLP

  package var width: Int { attentionNorm.columns }

  package func record(_ x: Value, in recorder: inout BlockRecorder) -> Value {
    let attended = attention.record(recorder.norm(attentionNorm, x), in: &recorder)
    let middle = recorder.operations.add(x, attended)
    let transformed = mlp.record(recorder.norm(mlpNorm, middle), in: &recorder)
    return recorder.operations.add(middle, transformed)
  }
}
