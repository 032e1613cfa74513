package import Checkpoints
package import Tensors

extension ModelDescription {
  /// Everything that the model is read from, as its family has it, in the order of the model.
  package func tensors(dtype: DType) -> [TensorInfo] {
    func tensor(_ stored: StoredMatrix, _ shape: [Int], in block: String) -> TensorInfo {
      TensorInfo(
        name: StoredMatrix.fullName(stored.tensor, in: block), dtype: dtype,
        shape: stored.tensorShape(of: shape))
    }
    var all = front.parts.map { tensor($0.stored, $0.shape, in: "") }
    for (name, parts) in ofBlocks(\.parts) {
      all += parts.map { tensor($0.stored, $0.shape, in: name) }
    }
    all += end.parts.map {
      tensor(end.isTied && $0.stored == end.head.weight ? front.table : $0.stored, $0.shape, in: "")
    }
    // Parts of a tensor are one.
    var names: Set<String> = []
    return all.filter { names.insert($0.name).inserted }
  }
}
