package import Checkpoints
import Compute
import Diagnostics
package import Foundation
import JSONText
package import LanguageModels
import Quantization
package import Tensors

/// A checkpoint in full precision with what its configuration says about it.
package struct SourceModel: Sendable {
  package let checkpoint: Checkpoint
  package let description: ModelDescription

  /// Opens a checkpoint folder.
  ///
  /// - Throws: `unsupported` for an unknown architecture and for a checkpoint that is quantized already.
  package init(opening folder: URL) throws {
    checkpoint = try Checkpoint(opening: folder)
    let configurationFile = folder.appending(path: "config.json").path(percentEncoded: false)
    let configuration = JSONReader(checkpoint.configuration)
    description = try naming(configurationFile) {
      try configuration.requireFullPrecision()
      return try Architectures.describe(configuration)
    }
    try requireTensors()
  }

  /// The type that scales of a block's activations are stored in: that of its linear layers.
  package func scaleDType(ofBlock placed: PlacedBlock) -> DType {
    let first = placed.block.linearLayers.first.map { "\(placed.name).\($0.name).weight" }
    return first.flatMap { checkpoint.info($0)?.dtype } ?? .bfloat16
  }

  /// Checks names and shapes of everything that will be read, before hours are spent.
  private func requireTensors() throws {
    func require(_ name: String, _ shape: [Int]) throws {
      try checkpoint.requireTensor(name, shape: shape)
      try checkpoint.requireWeightType(name)
    }
    try require(description.embedding, [description.vocabularySize, description.hiddenSize])
    try require(description.norm, [description.hiddenSize])
    if !description.isTied || checkpoint.contains(description.head) {
      try require(description.head, [description.vocabularySize, description.hiddenSize])
    }
    for placed in description.blocks {
      for part in placed.block.parameterParts {
        try require("\(placed.name).\(part.name)", part.shape)
      }
    }
  }
}

extension Checkpoint {
  /// Refuses a tensor whose type weights cannot have.
  func requireWeightType(_ name: String) throws(InputError) {
    guard let info = info(name), !DType.ofWeights.contains(info.dtype) else { return }
    throw InputError(
      .unsupported, source: folder.path(percentEncoded: false), place: "tensor \(quoted(name))",
      "has elements of type \(info.dtype.rawValue), expected "
        + DType.ofWeights.map(\.rawValue).joined(separator: ", "))
  }
}

extension JSONReader {
  /// Refuses the configuration of a quantized checkpoint.
  func requireFullPrecision() throws {
    guard let settings = try optional("quantization_config") else { return }
    // Whoever reads the model takes it for quantized, even where nothing says how.
    guard let method = try settings.optional("quant_method") else {
      throw InputError(
        .malformed, place: "quantization_config",
        "has no quant_method; remove it from the configuration of a checkpoint in full precision")
    }
    throw InputError(
      .unsupported, place: "quantization_config",
      "the checkpoint is quantized already (\(quoted(try method.string()))); expected one in full precision"
    )
  }
}
