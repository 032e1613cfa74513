package import Checkpoints
package import Diagnostics
import FoundationEssentials
import Tensors

extension Checkpoint {
  /// Checks names and shapes of everything that a model is read from, before hours are spent.
  ///
  /// - Parameter isQuantized: Whether a module's weight is stored in another form, which is checked elsewhere.
  package func requireTensors(
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
  package func requireWeightType(_ name: String) throws(InputError) {
    guard let info = info(name), !DType.ofWeights.contains(info.dtype) else { return }
    throw InputError(
      .unsupported, source: folder.path(percentEncoded: false), place: "tensor \(quoted(name))",
      "has elements of type \(info.dtype.rawValue), expected "
        + DType.ofWeights.map(\.rawValue).joined(separator: ", "))
  }
}
