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
  /// - Throws: `unsupported` for an unknown architecture and for a checkpoint that is quantized already; for
  ///   other faults that headers and small files show, an error that names the file.
  package init(opening folder: URL) throws {
    checkpoint = try Checkpoint(opening: folder)
    try checkpoint.requireSource()
    let configuration = JSONReader(checkpoint.configuration)
    description = try naming(folder.appending(path: "config.json").path(percentEncoded: false)) {
      try Architectures.describe(configuration)
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
