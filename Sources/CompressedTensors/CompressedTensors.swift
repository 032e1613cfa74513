package import Checkpoints
package import Diagnostics
package import JSONText
package import Quantization
import Tensors

/// Checkpoints in the formats of compressed-tensors 0.19, which vLLM and transformers load.
///
/// Layers keep their names, and each has tensors of its own: those of its ``LayerEncoding``, and scales of
/// activations that calibration finds, one number each:
///
/// | tensor | type | meaning |
/// |---|---|---|
/// | `input_scale` | that of the weight | FP8: the input is divided by it |
/// | `input_global_scale` | f32 | NVFP4: scales of groups are divided by it |
/// | `k_scale`, `v_scale` | that of the weight | FP8: keys and values are divided by it |
package enum CompressedTensors: CheckpointFamily {
  package static let name = "compressed-tensors"
  package static let version = CompressedTensorsConfiguration.version

  package static func requireHolds(
    _ scheme: QuantizationScheme, path: String
  ) throws(InputError) {
    try scheme.requireSupported(path: path)
  }

  package static func outline(
    of checkpoint: Checkpoint, modules: [ModuleDescription], strays: [String],
    schemes: [String: QuantizationScheme], keyValues: KeyValueOutline?
  ) throws(InputError) -> CheckpointOutline {
    var quantization = CompressedTensorsConfiguration(schemes: schemes, modules: modules)
    quantization.ignore += strays
    quantization.keyValueCacheScheme = keyValues?.scheme
    var outline = CheckpointOutline(configuration: checkpoint.configuration)
    outline.configuration.set("quantization_config", quantization.json)
    outline.documents = [("config.json", outline.configuration.text(indentation: 2) + "\n")]
    for name in checkpoint.tensorNames {
      guard let info = checkpoint.info(name) else { continue }
      guard let layer = TensorSuffix.weight.module(of: name), let scheme = schemes[layer],
        let arguments = scheme.weights
      else {
        outline.tensors.append(info)
        outline.copies.append((name, name))
        continue
      }
      let planned: [TensorInfo]
      do throws(InputError) {
        planned = try encoding(of: scheme).plannedTensors(
          for: layer, rows: info.shape[0], columns: info.shape[1], arguments: arguments,
          scaleDType: info.dtype)
      } catch {
        throw error.inSource(layer)
      }
      if let suffix = TensorSuffix.scale(ofInputs: scheme.inputActivations) {
        outline.tensors.append(
          TensorInfo(
            name: suffix.name(of: layer),
            dtype: suffix == .inputGlobalScale ? .float32 : info.dtype, shape: [1]))
      }
      outline.tensors += planned
      for tensor in planned where tensor.name != TensorSuffix.shape.name(of: layer) {
        outline.weightByteCount += tensor.byteCount
      }
    }
    for (module, dtype) in keyValues?.scales ?? [] {
      outline.tensors += TensorSuffix.ofKeysAndValues.map {
        TensorInfo(name: $0.name(of: module), dtype: dtype, shape: [1])
      }
    }
    return outline
  }

  package static func encoding(of scheme: QuantizationScheme) throws(InputError) -> LayerEncoding {
    try scheme.resolvedFormat.encoding()
  }

  package static func storedSchemes(_ fields: JSONReader) throws(InputError) -> StoredSchemes {
    let configuration = try CompressedTensorsConfiguration(fields: fields)
    return StoredSchemes(
      groups: configuration.namedGroups, ignore: configuration.ignore,
      keyValueScheme: configuration.keyValueCacheScheme)
  }

  package static func layers(among tensorNames: [String]) -> Set<String> {
    Set(
      tensorNames.compactMap {
        TensorSuffix.scale.module(of: $0) ?? TensorSuffix.packed.module(of: $0)
      })
  }

  package static func owner(of tensorName: String) -> String? {
    TensorSuffix.partsOfWeight.lazy.compactMap { $0.module(of: tensorName) }.first
  }
}
