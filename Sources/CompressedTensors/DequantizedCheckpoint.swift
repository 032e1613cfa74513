package import Checkpoints
package import Diagnostics
import Foundation
import JSONText
package import Quantization
package import Tensors

extension Checkpoint {
  /// The weight of a quantized layer.
  ///
  /// - Throws: `missing` or `malformed`, with the folder as the source and the tensor as the place.
  package func quantizedWeight(
    of module: String, _ arguments: QuantizationArguments, in layout: any WeightLayout.Type
  ) throws(InputError) -> QuantizedWeight {
    do throws(InputError) {
      return try layout.weight(named: module, arguments: arguments) { name throws(InputError) in
        contains(name) ? try tensor(name) : nil
      }
    } catch {
      throw error.inSource(folder.path(percentEncoded: false))
    }
  }

  /// The shape of a quantized layer's weight, without reading it.
  ///
  /// - Throws: What ``quantizedWeight(of:_:in:)`` throws.
  package func shape(
    ofQuantized module: String, _ arguments: QuantizationArguments,
    in layout: any WeightLayout.Type
  ) throws(InputError) -> (rows: Int, columns: Int) {
    do throws(InputError) {
      return try layout.shape(named: module, arguments: arguments) { name throws(InputError) in
        contains(name) ? try tensor(name) : nil
      }
    } catch {
      throw error.inSource(folder.path(percentEncoded: false))
    }
  }
}

/// A checkpoint of quantized layers read as numbers: each weight as its integers and scales give it.
package struct DequantizedCheckpoint: TensorSource {
  private let checkpoint: Checkpoint
  /// The scheme of each quantized layer, by its full name.
  package let schemes: [String: QuantizationScheme]
  /// How keys and values are quantized; nil for not at all.
  package let keyValueScheme: QuantizationArguments?

  /// Reads the checkpoint's `quantization_config`.
  ///
  /// - Parameter modules: The modules of the model, which the configuration's targets are matched with.
  package init(_ checkpoint: Checkpoint, modules: [ModuleDescription]) throws(InputError) {
    self.checkpoint = checkpoint
    let file = checkpoint.folder.appending(path: "config.json").path(percentEncoded: false)
    do {
      let fields = try JSONReader(checkpoint.configuration).required("quantization_config")
      let configuration = try CompressedTensorsConfiguration(fields: fields)
      keyValueScheme = configuration.keyValueCacheScheme
      schemes = try SchemeResolution.resolve(
        groups: configuration.namedGroups, ignore: configuration.ignore, modules: modules
      ).schemes
    } catch {
      throw error.inSource(file)
    }
  }

  /// A calibrated scale of activations.
  ///
  /// - Throws: `missing` or `malformed` where it is not one positive number.
  package func activationScale(named name: String) throws(InputError) -> Float {
    let folder = checkpoint.folder.path(percentEncoded: false)
    let tensor = try checkpoint.tensor(name, shape: [1])
    guard tensor.dtype.isFloatingPoint else {
      throw InputError(
        .malformed, source: folder, place: "tensor '\(name)'",
        "has elements of type \(tensor.dtype.rawValue), expected f32, f16 or bf16")
    }
    let scale = tensor.floats()[0]
    guard scale.isFinite, scale > 0 else {
      throw InputError(
        .malformed, source: folder, place: "tensor '\(name)'",
        "found \(scale), expected a positive number")
    }
    return scale
  }

  package func contains(_ name: String) -> Bool {
    checkpoint.contains(name) || module(ofWeight: name) != nil
  }

  package func tensor(_ name: String, shape: [Int]) throws -> Tensor {
    guard module(ofWeight: name) != nil else { return try checkpoint.tensor(name, shape: shape) }
    let weight = try weight(named: name)
    guard weight.shape == shape else {
      throw InputError(
        .malformed, source: checkpoint.folder.path(percentEncoded: false),
        place: "tensor '\(name)'",
        "has shape \(weight.shape), expected \(shape) from the configuration")
    }
    return weight
  }

  /// The weight of a layer, whatever its shape; as it is stored where it is not quantized.
  package func weight(named name: String) throws -> Tensor {
    guard let module = module(ofWeight: name), let scheme = schemes[module],
      let arguments = scheme.weights
    else { return try checkpoint.tensor(name) }
    let weight = try checkpoint.quantizedWeight(
      of: module, arguments, in: scheme.resolvedFormat.layout())
    return weight.dequantized(to: weight.dtype)
  }

  /// The scale that those of a layer's groups are relative to; nil where its format has none.
  func globalScale(of module: String) throws(InputError) -> Float? {
    let name = "\(module).weight_global_scale"
    return checkpoint.contains(name) ? try checkpoint.tensor(name, shape: [1]).floats()[0] : nil
  }

  /// The quantized layer that a weight belongs to.
  func module(ofWeight name: String) -> String? {
    guard name.hasSuffix(".weight") else { return nil }
    let module = String(name.dropLast(".weight".count))
    // A scheme may quantize inputs alone; the weight is then as it is stored.
    return schemes[module]?.weights == nil ? nil : module
  }
}
