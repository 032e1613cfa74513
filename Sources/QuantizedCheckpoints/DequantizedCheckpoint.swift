package import Checkpoints
package import Diagnostics
import Foundation
package import JSONText
package import Quantization
package import Tensors

/// A checkpoint of quantized layers read as numbers: each weight as its integers and scales give it.
package struct DequantizedCheckpoint: TensorSource, Sendable {
  package let checkpoint: Checkpoint
  package let family: any ReadableFamily
  /// The scheme of each quantized layer, by its full name.
  package let schemes: [String: QuantizationScheme]
  /// How keys and values are quantized; nil for not at all.
  package let keyValueScheme: QuantizationArguments?

  /// Reads what the checkpoint's configuration says.
  ///
  /// - Parameters:
  ///   - fields: Its `quantization_config`.
  ///   - modules: The modules of the model, which the configuration's targets are matched with; nil
  ///     for the quantized layers that the tensors tell.
  package init(
    _ checkpoint: Checkpoint, _ fields: JSONReader, of family: any ReadableFamily,
    modules: [ModuleDescription]?
  ) throws(InputError) {
    (self.checkpoint, self.family) = (checkpoint, family)
    let stored = try family.storedSchemes(
      fields, tensors: checkpoint.tensorNames.compactMap(checkpoint.info))
    schemes = try stored.schemes(
      of: modules
        ?? family.layers(in: checkpoint).sorted().map { ModuleDescription(name: $0, shape: []) })
    keyValueScheme = stored.keyValueScheme
  }

  /// The names of all tensors that the model has in full precision, and of scales of activations.
  package var tensorNames: Set<String> {
    Set(
      checkpoint.tensorNames.compactMap(checkpoint.info).flatMap { info in
        let layers = family.owners(of: info).filter { schemes[$0] != nil }
        return layers.isEmpty ? [info.name] : layers.map { "\($0).weight" }
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

  /// What decides the tensors of a quantized layer, without reading it. Throws what ``quantizedWeight(of:)`` throws.
  package func outline(of layer: String) throws(InputError) -> LayerOutline {
    try reading(layer) { encoding, arguments throws(InputError) in
      try encoding.outline(named: layer, arguments: arguments, tensor: find)
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
    let place = family.place(of: name)
    guard let info = checkpoint.info(place.tensor), place.isIn(info) else { return nil }
    return place.slice(of: try checkpoint.tensor(place.tensor))
  }

  /// Where a tensor is in a stack of several.
  private func stacked(_ name: String) -> (place: TensorPlace, info: TensorInfo)? {
    let place = family.place(of: name)
    guard place.index != nil, let info = checkpoint.info(place.tensor), place.isIn(info) else {
      return nil
    }
    return (place, info)
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
    checkpoint.contains(name) || layer(ofWeight: name) != nil || stacked(name) != nil
  }

  package func tensor(_ name: String, shape: [Int]) throws -> Tensor {
    guard layer(ofWeight: name) != nil else {
      guard let (place, info) = stacked(name) else {
        return try checkpoint.tensor(name, shape: shape)
      }
      return place.slice(of: try checkpoint.tensor(info.name, shape: [info.shape[0]] + shape))
    }
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
    return weight.dequantized(to: family.dtype(ofScales: weight.scaleDType))
  }

  package func hasRowForEachOutput(_ weight: String) -> Bool { layer(ofWeight: weight) != nil }

  /// The quantized layer that a weight belongs to.
  func layer(ofWeight name: String) -> String? {
    guard let layer = ModuleDescription.name(ofWeight: name) else { return nil }
    // A scheme may quantize inputs alone; the weight is then as it is stored.
    return schemes[layer]?.weights == nil ? nil : layer
  }
}
