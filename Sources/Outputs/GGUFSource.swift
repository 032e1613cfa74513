package import Execution
package import Foundation
import GGUF
import GGUFModels
import LanguageModels
import Tensors

/// The weights of a model as a written file has them, under the names of the source.
///
/// What the file has otherwise than as a matrix with rows in another order is read from the source: norms, biases and what
/// is stored as a function of them lose nothing.
struct GGUFSource: TensorSource {
  private let written: GGUFTensors
  private let original: LayerwiseSource

  init(_ contents: GGUFContents, in folder: URL) throws {
    written = try GGUFTensors(
      GGUFFile(opening: folder.appending(path: contents.fileName)),
      contents.file.outline.tensors.filter {
        !$0.isAlwaysFloat32 && $0.columns == .asStored && $0.function == .none
      })
    original = contents.file.source
  }

  func contains(_ name: String) -> Bool { original.contains(name) }

  func hasRowForEachOutput(_ weight: String) -> Bool {
    written.info(weight) != nil || original.hasRowForEachOutput(weight)
  }

  func tensor(_ name: String, shape: [Int]) throws -> Tensor {
    guard written.info(name) != nil else { return try original.tensor(name, shape: shape) }
    return try written.read(name, member: nil).reshaped(shape)
  }
}

extension QuantizedCopy {
  /// The model that a written copy is, where it has to be read with what is known of the source; nil for a checkpoint.
  package func readable(in folder: URL) throws -> ReadableModel? {
    guard let contents = contents as? GGUFContents else { return nil }
    return contents.file.model.replacing(try GGUFSource(contents, in: folder))
  }
}
