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
  private let written: GGUFFile
  private let original: LayerwiseSource
  /// The tensors of the file with whatever number of members, by the names of the source.
  private let places: [String: (tensor: GGUFTensorOutline, index: Int?)]

  init(_ contents: GGUFContents, in folder: URL) throws {
    written = try GGUFFile(opening: folder.appending(path: contents.fileName))
    original = contents.file.source
    var places: [String: (tensor: GGUFTensorOutline, index: Int?)] = [:]
    for tensor in contents.file.outline.tensors
    where !tensor.isAlwaysFloat32 && tensor.columns == .asStored && tensor.function == .none {
      let names = tensor.sources
      for (index, name) in names.enumerated() {
        places[name] = (tensor, names.count > 1 ? index : nil)
      }
    }
    self.places = places
  }

  func contains(_ name: String) -> Bool { original.contains(name) }

  func hasRowForEachOutput(_ weight: String) -> Bool {
    places[weight] != nil || original.hasRowForEachOutput(weight)
  }

  func tensor(_ name: String, shape: [Int]) throws -> Tensor {
    guard let (tensor, index) = places[name], let info = written.info(tensor.name) else {
      return try original.tensor(name, shape: shape)
    }
    var stored = try written.stored(tensor.name)
    if let index {
      stored = stored.slice(index..<index + 1).reshaped(Array(stored.shape.dropFirst()))
    }
    let numbers = info.type.numbers(stored)
    guard tensor.rows != .asStored else { return numbers.reshaped(shape) }
    let (rows, columns) = (numbers.shape[0], numbers.shape[1])
    let floats = numbers.floats()
    var result = [Float](repeating: 0, count: floats.count)
    for row in 0..<rows {
      let target = tensor.rows.storedRow(row) * columns
      result.replaceSubrange(
        target..<target + columns, with: floats[row * columns..<(row + 1) * columns])
    }
    return Tensor(result, shape: shape)
  }
}

extension QuantizedCopy {
  /// The model that a written copy is, where it has to be read with what is known of the source; nil for a checkpoint.
  package func readable(in folder: URL) throws -> ReadableModel? {
    guard let contents = contents as? GGUFContents else { return nil }
    return contents.file.model.replacing(try GGUFSource(contents, in: folder))
  }
}
