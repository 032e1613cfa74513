package import Checkpoints
import Diagnostics
package import Foundation
import JSONText
package import LanguageModels
import ModelFamilies
import Quantization
import Recordings
package import Tensors

/// A checkpoint in full precision, or read as if it were, with what its configuration says about it.
package struct SourceModel: Sendable {
  package let checkpoint: Checkpoint
  package var description: ModelDescription

  /// Opens a checkpoint folder.
  ///
  /// - Throws: `unsupported` for an unknown architecture and for a kind of quantization that is not read; for
  ///   other faults that headers and small files show, an error that names the file.
  package init(opening folder: URL) throws {
    try self.init(Checkpoint.source(opening: folder))
  }

  /// Describes a checkpoint that ``Checkpoint/source(opening:)`` has opened. Throws what ``init(opening:)`` throws.
  package init(_ checkpoint: Checkpoint) throws {
    self.checkpoint = checkpoint
    try checkpoint.requireSource()
    let configuration = JSONReader(checkpoint.configuration)
    description = try naming(checkpoint.configurationFile.path(percentEncoded: false)) {
      try Architectures.describe(
        configuration, shapes: checkpoint.tensorShapes, folder: checkpoint.folder.path)
    }
    try checkpoint.requireTensors(of: description)
  }

  /// The type that scales of a block's activations are stored in: that of its linear layers.
  package func scaleDType(ofBlock placed: PlacedBlock) -> DType {
    let first = placed.block.linearLayers.first?.tensors(in: placed.name)[0]
    let stored = first.map { $0.stored.found(as: $0.name, in: "", checkpoint) }
    return stored.flatMap { checkpoint.info($0.tensor)?.dtype } ?? .bfloat16
  }
}
