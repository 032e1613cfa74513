package import Checkpoints
import CompressedTensors
package import Compute
import Diagnostics
package import Foundation
import JSONText
package import LanguageModels
import Quantization
package import Tensors

/// A checkpoint that can be run, in full precision or quantized.
package struct ReadableModel {
  package let checkpoint: Checkpoint
  package let description: ModelDescription
  /// Weights as numbers, whichever way they are stored.
  package let source: any TensorSource
  /// Whether the head's weight is quantized.
  package var quantizesHead: Bool {
    (source as? DequantizedCheckpoint)?.schemes[description.headModule]?.weights != nil
  }
  /// How the head's inputs are quantized; nil leaves them as they are.
  private let headInputs: (quantization: ActivationQuantization, scale: Float)?

  /// Opens a checkpoint folder.
  ///
  /// - Parameter quantizesActivations: Whether activations are quantized as a runtime would, where the
  ///   checkpoint says so.
  package init(opening folder: URL, quantizesActivations: Bool = true) throws {
    let checkpoint = try Checkpoint(opening: folder)
    let file = folder.appending(path: "config.json").path(percentEncoded: false)
    let configuration = JSONReader(checkpoint.configuration)
    let plain = try naming(file) { try Architectures.describe(configuration) }
    self.checkpoint = checkpoint
    guard try naming(file, { try configuration.optional("quantization_config") }) != nil else {
      (source, description, headInputs) = (checkpoint, plain, nil)
      return
    }
    let quantized = try DequantizedCheckpoint(checkpoint, modules: plain.modules)
    source = quantized
    guard quantizesActivations else {
      (description, headInputs) = (plain, nil)
      return
    }
    try naming(file) { try quantized.requireReadableActivations() }
    description = try plain.quantizingActivations(
      schemes: quantized.schemes, keyValues: quantized.keyValueScheme, rule: .runtime,
      sharesScale: quantized.sharesInputScale)
    for placed in description.blocks { try quantized.requireScales(of: placed) }
    headInputs = try quantized.inputs(of: plain.headModule)
  }

  private init(
    _ checkpoint: Checkpoint, _ source: any TensorSource, like model: ReadableModel
  ) {
    self.checkpoint = checkpoint
    self.source = source
    (description, headInputs) = (model.description, model.headInputs)
  }

  /// The model that plain rounding of `original` in this one's schemes gives, with activations quantized
  /// as here; nil if this one is not quantized.
  package func rounded(from original: ReadableModel) -> ReadableModel? {
    guard let quantized = source as? DequantizedCheckpoint else { return nil }
    return ReadableModel(
      original.checkpoint, RoundedCheckpoint(quantized, from: original.source), like: self)
  }

  /// The end of the model.
  package func outputProjection(device: Device) throws -> OutputProjection {
    try description.outputProjection(from: source, inputs: headInputs, device: device)
  }
}

extension DequantizedCheckpoint {
  /// Refuses schemes of activations that programs cannot compute.
  fileprivate func requireReadableActivations() throws(InputError) {
    for (module, scheme) in schemes.sorted(by: { $0.key < $1.key }) {
      do {
        try scheme.inputActivations?.requireInputActivations()
      } catch {
        throw error.below("quantization_config.\(module).input_activations")
      }
      guard scheme.outputActivations == nil else {
        throw InputError(
          .unsupported, place: "quantization_config.\(module).output_activations",
          "quantized outputs are not supported")
      }
    }
    do {
      try keyValueScheme?.requireKeyValues()
    } catch {
      throw error.below("quantization_config.kv_cache_scheme")
    }
  }

  /// Whether two layers that read the same values have equal scales for them.
  fileprivate func sharesInputScale(_ first: String, _ second: String) throws -> Bool {
    guard let suffix = TensorSuffix.scale(ofInputs: schemes[first]?.inputActivations) else {
      return true
    }
    return try activationScale(named: suffix.name(of: first))
      == activationScale(named: suffix.name(of: second))
  }

  /// How a module's inputs are quantized, with their calibrated scale or 0.
  fileprivate func inputs(
    of module: String
  ) throws -> (quantization: ActivationQuantization, scale: Float)? {
    guard let arguments = schemes[module]?.inputActivations else { return nil }
    let quantization = arguments.activationQuantization(.runtime)
    guard quantization.hasCalibratedScale else { return (quantization, 0) }
    let suffix = InputQuantization(quantization, scaleLayer: module).scaleSuffix
    return (quantization, try activationScale(named: "\(module).\(suffix)"))
  }

  /// Refuses scales that are not there, or no positive numbers, before anything is computed.
  fileprivate func requireScales(of placed: PlacedBlock) throws {
    for input in placed.block.inputQuantization.values
    where input.quantization.hasCalibratedScale {
      _ = try activationScale(named: "\(placed.name).\(input.scaleName)")
    }
    guard placed.block.keyValueQuantization != nil else { return }
    for module in placed.block.attentionModules {
      for suffix in TensorSuffix.ofKeysAndValues {
        _ = try activationScale(named: suffix.name(of: "\(placed.name).\(module)"))
      }
    }
  }
}
