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
    try checkpoint.requireTensors(of: description)
  }

  /// The type that scales of a block's activations are stored in: that of its linear layers.
  package func scaleDType(ofBlock placed: PlacedBlock) -> DType {
    let first = placed.block.linearLayers.first.map { "\(placed.name).\($0.name).weight" }
    return first.flatMap { checkpoint.info($0)?.dtype } ?? .bfloat16
  }
}

extension Checkpoint {
  /// Checks names and shapes of everything that a model is read from, before hours are spent.
  ///
  /// - Parameter isQuantized: Whether a module's weight is stored in another form, which is checked elsewhere.
  func requireTensors(
    of description: ModelDescription, isQuantized: (String) -> Bool = { _ in false }
  ) throws {
    func require(_ name: String, _ shape: [Int]) throws {
      if name.hasSuffix(".weight"), isQuantized(String(name.dropLast(".weight".count))) { return }
      try requireTensor(name, shape: shape)
      try requireWeightType(name)
    }
    try require(description.embedding, [description.vocabularySize, description.hiddenSize])
    try require(description.norm, [description.hiddenSize])
    if !description.isTied || contains(description.head) {
      try require(description.head, [description.vocabularySize, description.hiddenSize])
    }
    for placed in description.blocks {
      for part in placed.block.parameterParts {
        try require("\(placed.name).\(part.name)", part.shape)
      }
    }
  }

  /// Refuses a tensor whose type weights cannot have.
  func requireWeightType(_ name: String) throws(InputError) {
    guard let info = info(name), !DType.ofWeights.contains(info.dtype) else { return }
    throw InputError(
      .unsupported, source: folder.path(percentEncoded: false), place: "tensor \(quoted(name))",
      "has elements of type \(info.dtype.rawValue), expected "
        + DType.ofWeights.map(\.rawValue).joined(separator: ", "))
  }
}
