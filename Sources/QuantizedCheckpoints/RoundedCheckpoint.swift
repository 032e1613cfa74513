import Quantization
package import Tensors

/// A quantized checkpoint read as if its weights had been rounded plainly to nearest, in the same schemes:
/// what tuning and searches are to be better than.
package struct RoundedCheckpoint: TensorSource {
  private let quantized: DequantizedCheckpoint
  private let original: any TensorSource

  /// - Parameters:
  ///   - quantized: What is as it is there: schemes, scales of activations, and all that is not quantized.
  ///   - original: The weights in full precision, one for each layer.
  package init(_ quantized: DequantizedCheckpoint, from original: any TensorSource) {
    self.quantized = quantized
    self.original = original
  }

  package func contains(_ name: String) -> Bool { quantized.contains(name) }

  package func hasRowForEachOutput(_ weight: String) -> Bool {
    quantized.hasRowForEachOutput(weight)
  }

  package func tensor(_ name: String, shape: [Int]) throws -> Tensor {
    guard let module = quantized.layer(ofWeight: name),
      let arguments = quantized.schemes[module]?.weights
    else { return try quantized.tensor(name, shape: shape) }
    let weight = try original.tensor(name, shape: shape)
    let rounded = try arguments.makeWeightQuantizer(
      for: weight, scaleDType: weight.dtype,
      globalScale: arguments.floatFormat == .nvfp4
        ? quantized.quantizedWeight(of: module).globalScale : nil,
      isTuned: false
    ).finished()
    return rounded.dequantized(to: rounded.dtype)
  }
}
