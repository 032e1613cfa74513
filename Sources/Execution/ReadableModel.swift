package import Checkpoints
import Diagnostics
package import Foundation
import JSONText
package import LanguageModels
import ModelFamilies
import Quantization
import QuantizedCheckpoints
import Recordings
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

  /// Opens a checkpoint folder, or a file of llama.cpp.
  ///
  /// - Parameter quantizesActivations: Whether activations are quantized as a runtime would, where the
  ///   checkpoint says so.
  package init(opening folder: URL, quantizesActivations: Bool = true) throws {
    try self.init(
      Checkpoint.model(opening: folder), quantizesActivations: quantizesActivations)
  }

  /// The same of what ``Checkpoint/model(opening:)`` has opened.
  package init(_ checkpoint: Checkpoint, quantizesActivations: Bool = true) throws {
    let file = checkpoint.configurationFile.path(percentEncoded: false)
    let configuration = JSONReader(checkpoint.configuration)
    let plain = try naming(file) {
      try Architectures.describe(
        configuration, shapes: checkpoint.tensorShapes, folder: checkpoint.folder.path)
    }
    self.checkpoint = checkpoint
    guard try naming(file, { try CheckpointFamilies.settings(of: configuration) }) != nil else {
      (source, description) = (checkpoint, plain)
      return
    }
    let quantized = try DequantizedCheckpoint(checkpoint, modules: plain.modules)
    source = quantized
    guard quantizesActivations else {
      description = plain
      return
    }
    try naming(file) { try quantized.requireReadableActivations() }
    description = try plain.quantizingActivations(
      schemes: quantized.schemes, keyValues: quantized.keyValueScheme, rule: .runtime,
      sharesScale: quantized.sharesInputScale)
    for placed in description.blocks {
      try quantized.requireScales(placed.activations, of: placed.name)
    }
    try quantized.requireScales(description.endActivations, of: "")
  }

  /// A source as it is quantized.
  package init(_ source: SourceModel) {
    (checkpoint, description) = (source.checkpoint, source.description)
    self.source = source.checkpoint
  }

  private init(
    _ checkpoint: Checkpoint, _ source: any TensorSource, like model: ReadableModel
  ) {
    self.checkpoint = checkpoint
    self.source = source
    description = model.description
  }

  /// The same model with weights from another source, which are as good as its own.
  package func replacing(_ source: any TensorSource) -> ReadableModel {
    ReadableModel(checkpoint, source, like: self)
  }

  /// The model that plain rounding of `original` in this one's schemes gives, with activations quantized
  /// as here; nil if this one is not quantized.
  package func rounded(from original: ReadableModel) -> ReadableModel? {
    guard let quantized = source as? DequantizedCheckpoint else { return nil }
    return ReadableModel(
      original.checkpoint,
      RoundedCheckpoint(
        quantized,
        from: LayerwiseSource(
          original.source, layers: original.description.layerTensors(in: original.source))),
      like: self)
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
    guard let scale = ActivationScale.ofInputs(schemes[first]?.inputActivations) else {
      return true
    }
    return try activationScale(named: scale.name(of: first))
      == activationScale(named: scale.name(of: second))
  }

  /// Refuses scales that are not there, or no positive numbers, before anything is computed.
  fileprivate func requireScales(_ plan: ActivationPlan, of block: String) throws {
    for scale in plan.scales {
      _ = try activationScale(named: StoredMatrix.fullName(scale, in: block))
    }
  }
}
