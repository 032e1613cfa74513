package import Checkpoints
package import Diagnostics
import Foundation
package import JSONText
package import Quantization
package import QuantizedCheckpoints
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
package struct CompressedTensors: CheckpointFamily {
  package init() {}

  package let name = "compressed-tensors"
  package let version = CompressedTensorsConfiguration.version

  package let tensorSuffixes = Set(
    TensorSuffix.allCases.filter { $0 != .weight }.map(\.rawValue)
      + ActivationScale.allCases.map(\.rawValue))

  package func requireHolds(
    _ scheme: QuantizationScheme, path: String
  ) throws(InputError) {
    try scheme.requireSupported(path: path)
  }

  package func outline(
    of configuration: JSONValue, tensors: [TensorInfo], modules: [ModuleDescription],
    schemes: [String: QuantizationScheme], keyValues: KeyValueOutline?
  ) throws(InputError) -> CheckpointOutline {
    var quantization = CompressedTensorsConfiguration(schemes: schemes, modules: modules)
    quantization.keyValueCacheScheme = keyValues?.scheme
    var outline = CheckpointOutline(configuration: configuration)
    outline.configuration.set("quantization_config", quantization.json)
    outline.documents = [("config.json", outline.configuration.text(indentation: 2) + "\n")]
    try outline.add(tensors, schemes: schemes, keyValues: keyValues, of: self)
    return outline
  }

  package func encoding(of scheme: QuantizationScheme) throws(InputError) -> LayerEncoding {
    let format = scheme.resolvedFormat
    if let weights = scheme.weights { try format.requireHolds(weights) }
    return try format.encoding()
  }

  package func storedSchemes(
    _ fields: JSONReader, tensors: some Sequence<TensorInfo>
  ) throws(InputError) -> StoredSchemes {
    let configuration = try CompressedTensorsConfiguration(fields: fields)
    return StoredSchemes(
      groups: configuration.namedGroups, ignore: configuration.ignore,
      keyValueScheme: configuration.keyValueCacheScheme)
  }

  package func configuration(
    _ configuration: JSONValue, storedAs format: CompressionFormat
  ) -> JSONValue {
    guard var quantization = configuration["quantization_config"],
      let groups = quantization["config_groups"]?.objectValue
    else { return configuration }
    let name = JSONValue.string(format.rawValue)
    let renamed = groups.map { group in
      var value = group.value
      value.set("format", name)
      return JSONValue.Member(group.key, value)
    }
    quantization.set("config_groups", .object(renamed))
    quantization.set("format", name)
    var result = configuration
    result.set("quantization_config", quantization)
    return result
  }

  package func layers(in checkpoint: Checkpoint) -> Set<String> {
    Set(
      checkpoint.tensorNames.compactMap {
        TensorSuffix.scale.module(of: $0) ?? TensorSuffix.packed.module(of: $0)
      })
  }

  package func owners(of tensor: TensorInfo) -> [String] {
    TensorSuffix.partsOfWeight.compactMap { $0.module(of: tensor.name) }
  }

  package func measure(
    _ layer: String, _ arguments: QuantizationArguments?, in checkpoint: Checkpoint
  ) throws(InputError) -> (weightCount: Int, byteCount: Int) {
    let byteCount = TensorSuffix.partsOfWeight.filter { $0 != .shape }
      .compactMap { checkpoint.info($0.name(of: layer))?.byteCount }.reduce(0, +)
    return (try weightCount(layer, in: checkpoint), byteCount)
  }

  /// Rows times columns of a layer's weight.
  private func weightCount(
    _ layer: String, in checkpoint: Checkpoint
  ) throws(InputError) -> Int {
    if let plain = checkpoint.info(TensorSuffix.weight.name(of: layer)) {
      return plain.count
    }
    guard let packed = checkpoint.info(TensorSuffix.packed.name(of: layer)) else { return 0 }
    // A byte holds two numbers; words hold as many as the shape beside them says.
    if packed.dtype == .uint8 { return 2 * packed.count }
    let name = TensorSuffix.shape.name(of: layer)
    func malformed(_ message: String) -> InputError {
      InputError(
        .malformed, source: checkpoint.folder.path(percentEncoded: false), place: name, message)
    }
    let shape = try checkpoint.tensor(name)
    guard shape.dtype == .int64, shape.shape == [2] else {
      throw malformed("is \(shape.dtype.rawValue) \(shape.shape), expected i64 [2]")
    }
    let sizes = shape.elements(as: Int64.self)
    let (count, overflow) = sizes[0].multipliedReportingOverflow(by: sizes[1])
    // A number takes a bit at the least, so that no sum of such counts exceeds what files can hold.
    guard sizes[0] > 0, sizes[1] > 0, !overflow, count <= 8 * packed.byteCount else {
      throw malformed(
        "says \(sizes[0]) by \(sizes[1]), which the \(packed.byteCount) bytes of its weight cannot be"
      )
    }
    return Int(count)
  }
}
