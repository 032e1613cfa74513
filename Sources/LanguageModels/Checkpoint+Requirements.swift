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
    func require(_ stored: StoredMatrix, _ shape: [Int], in block: String) throws {
      let name = StoredMatrix.fullName(stored.tensor, in: block)
      try requireTensor(name, shape: stored.tensorShape(of: shape))
      try requireWeightType(name)
    }
    /// Whether a tensor is the weight of a quantized layer, or of a quantized table.
    func isWeight(_ name: String, in block: String) -> Bool {
      let name = StoredMatrix.fullName(name, in: block)
      return name.hasSuffix(".weight") && isQuantized(String(name.dropLast(".weight".count)))
    }
    func require(_ part: BlockRecorder.Part, in block: String) throws {
      if isWeight(part.name, in: block) || isWeight(part.stored.tensor, in: block) { return }
      try require(part.stored.found(as: part.name, in: block, self), part.shape, in: block)
    }
    for part in description.front.parts where !isWeight(part.stored.tensor, in: "") {
      try require(part.stored, part.shape, in: "")
    }
    for part in description.end.found(in: self).parts { try require(part, in: "") }
    for (name, parts) in description.ofBlocks(\.parts) {
      for part in parts { try require(part, in: name) }
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
