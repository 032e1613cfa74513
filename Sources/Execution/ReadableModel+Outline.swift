package import Checkpoints
import Diagnostics
import Foundation
package import GGUFModels
import QuantizedCheckpoints

extension ReadableModel {
  /// The tensors that the model has as numbers.
  package var plainTensors: [TensorInfo] {
    get throws {
      guard let quantized = source as? DequantizedCheckpoint else {
        return checkpoint.tensorNames.compactMap(checkpoint.info)
      }
      return try quantized.plainTensors(isDense: true).tensors.map(\.info)
    }
  }

  /// The model under the names of files of llama.cpp.
  ///
  /// - Throws: `unsupported` for a model that llama.cpp does not have.
  package func fileOutline(
    name: String = "", tokenizer: GGUFTokenizer? = nil
  ) throws -> GGUFModelOutline {
    let tensors = try plainTensors
    return try naming(checkpoint.configurationFile.path(percentEncoded: false)) {
      try GGUFModelOutline(
        of: CheckpointFamilies.plain(checkpoint.configuration), tensors: tensors, name: name,
        tokenizer: tokenizer)
    }
  }
}
