package import Diagnostics
package import Quantization
import WeightBlocks

extension GGUFTensorType {
  /// The types whose blocks hold tuned weights of these schemes as they are: the same integers, and the same scales if
  /// they are numbers of f16, which only the weights can tell (`ScaleBlockWeight.init(_:type:)`).
  ///
  /// - Parameter schemes: By layer.
  /// - Returns: By layer; none for a scheme that leaves its weights.
  /// - Throws: `unsupported` with the layer and the key of its scheme as place.
  package static func holding(
    _ schemes: [String: QuantizationScheme]
  ) throws(InputError) -> [String: GGUFTensorType] {
    var result: [String: GGUFTensorType] = [:]
    for (layer, scheme) in schemes.sorted(by: { $0.key < $1.key }) {
      func failure(_ key: String, _ message: String) -> InputError {
        InputError(.unsupported, place: "layer \(quoted(layer)), \(key)", message)
      }
      for (key, inputs) in [
        ("input_activations", scheme.inputActivations),
        ("output_activations", scheme.outputActivations),
      ] {
        guard let inputs else { continue }
        throw failure(
          key, "found \(inputs.summary), expected null: GGUF files say nothing of activations")
      }
      guard let weights = scheme.weights else { continue }
      do throws(InputError) {
        result[layer] = try GGUFTensorType(ScaleBlockType.holding(weights))
      } catch {
        throw failure("weights.\(error.place ?? "")", error.message)
      }
    }
    return result
  }
}
