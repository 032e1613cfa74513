package import Checkpoints
package import Diagnostics
import Foundation
import JSONText
package import Quantization
package import Tensors

/// A checkpoint of quantized layers read as numbers: each weight as its integers and scales give it.
package struct DequantizedCheckpoint: TensorSource {
  package let checkpoint: Checkpoint
  package let family: any CheckpointFamily.Type
  /// The scheme of each quantized layer, by its full name.
  package let schemes: [String: QuantizationScheme]
  /// How keys and values are quantized; nil for not at all.
  package let keyValueScheme: QuantizationArguments?

  /// Reads the checkpoint's `quantization_config`.
  ///
  /// - Parameter modules: The modules of the model, which the configuration's targets are matched with; nil
  ///   for the quantized layers that the names of the tensors tell.
  package init(
    _ checkpoint: Checkpoint, modules: [ModuleDescription]? = nil
  ) throws(InputError) {
    self.checkpoint = checkpoint
    let file = checkpoint.folder.appending(path: "config.json").path(percentEncoded: false)
    do throws(InputError) {
      let fields = try JSONReader(checkpoint.configuration).required("quantization_config")
      let family = try CheckpointFamilies.family(of: fields)
      let stored = try family.storedSchemes(fields)
      schemes = try SchemeResolution.resolve(
        groups: stored.groups, ignore: stored.ignore,
        modules: modules
          ?? family.layers(among: checkpoint.tensorNames).sorted().map {
            ModuleDescription(name: $0, shape: [])
          }
      ).schemes
      keyValueScheme = stored.keyValueScheme
      self.family = family
    } catch {
      throw error.inSource(file)
    }
  }

  /// The names of all tensors that the model has in full precision, and of scales of activations.
  package var tensorNames: Set<String> {
    Set(
      checkpoint.tensorNames.map { name in
        family.owner(of: name).flatMap { schemes[$0] == nil ? nil : "\($0).weight" } ?? name
      })
  }

  /// The weight of a quantized layer.
  ///
  /// - Throws: `missing` or `malformed`, with the folder as the source and the tensor as the place.
  package func quantizedWeight(of layer: String) throws(InputError) -> QuantizedWeight {
    try reading(layer) { encoding, arguments throws(InputError) in
      try encoding.weight(named: layer, arguments: arguments, tensor: find)
    }
  }

  /// The shape of a quantized layer's weight, without reading it. Throws what ``quantizedWeight(of:)`` throws.
  package func size(of layer: String) throws(InputError) -> (rows: Int, columns: Int) {
    try reading(layer) { encoding, arguments throws(InputError) in
      try encoding.shape(named: layer, arguments: arguments, tensor: find)
    }
  }

  private func reading<Result>(
    _ layer: String,
    _ body: (LayerEncoding, QuantizationArguments) throws(InputError) -> Result
  ) throws(InputError) -> Result {
    do throws(InputError) {
      guard let scheme = schemes[layer], let arguments = scheme.weights else {
        throw InputError(
          .malformed, place: layer, "has scales, and its group quantizes no weights")
      }
      return try body(family.encoding(of: scheme), arguments)
    } catch {
      throw error.inSource(folder)
    }
  }

  private func find(_ name: String) throws(InputError) -> Tensor? {
    checkpoint.contains(name) ? try checkpoint.tensor(name) : nil
  }

  private var folder: String { checkpoint.folder.path(percentEncoded: false) }

  /// A calibrated scale of activations.
  ///
  /// - Throws: `missing` or `malformed` where it is not one positive number.
  package func activationScale(named name: String) throws(InputError) -> Float {
    func malformed(_ message: String) -> InputError {
      InputError(.malformed, source: folder, place: "tensor '\(name)'", message)
    }
    let tensor = try checkpoint.tensor(name, shape: [1])
    guard tensor.dtype.isFloatingPoint else {
      throw malformed(
        "has elements of type \(tensor.dtype.rawValue), expected f32, f16 or bf16")
    }
    let scale = tensor.floats()[0]
    guard scale.isFinite, scale > 0 else {
      throw malformed("found \(scale), expected a positive number")
    }
    return scale
  }

  package func contains(_ name: String) -> Bool {
    checkpoint.contains(name) || layer(ofWeight: name) != nil
  }

  package func tensor(_ name: String, shape: [Int]) throws -> Tensor {
    guard layer(ofWeight: name) != nil else { return try checkpoint.tensor(name, shape: shape) }
    let weight = try weight(named: name)
    guard weight.shape == shape else {
      throw InputError(
        .malformed, source: folder, place: "tensor '\(name)'",
        "has shape \(weight.shape), expected \(shape) from the configuration")
    }
    return weight
  }

  /// The weight of a layer, whatever its shape; as it is stored where it is not quantized.
  package func weight(named name: String) throws -> Tensor {
    guard let layer = layer(ofWeight: name) else { return try checkpoint.tensor(name) }
    let weight = try quantizedWeight(of: layer)
    return weight.dequantized(to: weight.dtype)
  }

  /// The scale that those of a layer's groups are relative to; nil where its format has none.
  func globalScale(of layer: String) throws(InputError) -> Float? {
    let name = TensorSuffix.globalScale.name(of: layer)
    return checkpoint.contains(name) ? try checkpoint.tensor(name, shape: [1]).floats()[0] : nil
  }

  /// The quantized layer that a weight belongs to.
  func layer(ofWeight name: String) -> String? {
    guard let layer = TensorSuffix.weight.module(of: name) else { return nil }
    // A scheme may quantize inputs alone; the weight is then as it is stored.
    return schemes[layer]?.weights == nil ? nil : layer
  }
}
