extension GGUFMix {
  /// The types of all tensors of a file; of those that keep theirs, nil.
  ///
  /// Tensors of a role are counted as llama.cpp goes through them, whatever their order here: by block, and by name in a
  /// block.
  ///
  /// - Parameter tensors: Names in the file, and shapes, outermost first.
  package func types(_ tensors: [(name: String, shape: [Int])]) -> [String: GGUFTensorType] {
    let valueCount = tensors.count { GGUFTensorRole(tensor: $0.name).holdsValues }
    let ordered = tensors.map { (tensor: $0, block: GGUFTensorRole.block(ofTensor: $0.name) ?? -1) }
      .sorted {
        $0.block == $1.block
          ? $0.tensor.name.utf8.lexicographicallyPrecedes($1.tensor.name.utf8)
          : $0.block < $1.block
      }
    var result: [String: GGUFTensorType] = [:]
    var (values, downs) = (0, 0)
    for (tensor, block) in ordered
    where GGUFTensorRole.isQuantized(tensor.name, dimensionCount: tensor.shape.count) {
      let role = GGUFTensorRole(tensor: tensor.name)
      var index = 0
      if role.holdsValues {
        (index, values) = (values, values + 1)
      } else if role == .feedForwardDown {
        index = model.expertCount > 1 ? max(block, 0) : downs
        downs += 1
      }
      result[tensor.name] = type(
        of: role, columns: tensor.shape.last ?? 0, index: index, count: valueCount)
    }
    return result
  }
}
