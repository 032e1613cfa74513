package import Checkpoints
import JSONText
package import Quantization

extension Checkpoint {
  /// The scheme of each layer that has scales, by the checkpoint's own `quantization_config`.
  ///
  /// - Throws: An `InputError` that names the key where there is no such configuration, or one that cannot be
  ///   read.
  package func storedSchemes() throws -> [String: QuantizationScheme] {
    let quantization = try CompressedTensorsConfiguration(
      fields: JSONReader(configuration).required("quantization_config"))
    let suffix = ".weight_scale"
    let modules = tensorNames.filter { $0.hasSuffix(suffix) }.map {
      ModuleDescription(name: String($0.dropLast(suffix.count)), shape: [])
    }
    return try SchemeResolution.resolve(
      groups: quantization.namedGroups, ignore: quantization.ignore, modules: modules
    ).schemes
  }
}
