import Checkpoints
package import Quantization
package import QuantizedCheckpoints
package import Tensors
import Testing

/// Expects that the tensors of a weight are those that were planned, and that they read back as the same weight.
///
/// - Parameter scaleDType: What scales are planned as where the layout leaves it open.
package func expectRoundTrip(
  _ weight: QuantizedWeight, _ layout: LayerEncoding, scaleDType: DType = .bfloat16,
  _ what: String = ""
) throws {
  let tensors = layout.tensors(for: weight, name: "a.b")
  let planned = try layout.plannedTensors(
    for: "a.b", rows: weight.rows, columns: weight.columns, arguments: weight.arguments,
    scaleDType: scaleDType)
  #expect(
    tensors.map { TensorInfo(name: $0.0, dtype: $0.1.dtype, shape: $0.1.shape) } == planned,
    "\(what)")
  let byName = Dictionary(uniqueKeysWithValues: tensors.map { ($0.0, $0.1) })
  let back = try layout.weight(named: "a.b", arguments: weight.arguments) { byName[$0] }
  #expect(back == weight, "\(what)")
  let shape = try layout.outline(named: "a.b", arguments: weight.arguments) { byName[$0] }
    .grouping
  #expect([shape.rows, shape.columns] == [weight.rows, weight.columns], "\(what)")
}
