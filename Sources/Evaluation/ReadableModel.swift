import AutoRound
package import Checkpoints
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

  /// Opens a checkpoint folder.
  package init(opening folder: URL) throws {
    let checkpoint = try Checkpoint(opening: folder)
    let file = folder.appending(path: "config.json").path(percentEncoded: false)
    let configuration = JSONReader(checkpoint.configuration)
    let description = try naming(file) { try Architectures.describe(configuration) }
    self.checkpoint = checkpoint
    self.description = description
    let isQuantized = try naming(file) { try configuration.optional("quantization_config") } != nil
    source =
      isQuantized
      ? try DequantizedCheckpoint(checkpoint, modules: description.modules) : checkpoint
  }
}
