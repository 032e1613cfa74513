/// The tensors of a checkpoint of MLX by the names that layers have in full precision: of a stack of experts, those of each.
struct RowTensors {
  private(set) var tensors: [String: StoredTensor] = [:]
  /// What mlx-lm calls the modules of which an expert is a part.
  private(set) var stacks: [String: String] = [:]

  init(_ stored: [String: StoredTensor]) {
    for (name, tensor) in stored {
      let pieces = name.components(around: ".switch_mlp.")
      guard let pieces, tensor.shape.count == 3, let end = pieces.after.lastIndex(of: ".") else {
        tensors[name] = tensor
        continue
      }
      let (layer, suffix) = (pieces.after[..<end], pieces.after[end...])
      let own = Self.name(of: layer, under: pieces.before)
      let size = tensor.entry.range.count / max(tensor.shape[0], 1)
      for expert in 0..<(size > 0 ? tensor.shape[0] : 0) {
        let module = "\(pieces.before).experts.\(expert).\(own)"
        let start = tensor.entry.range.lowerBound + expert * size
        tensors["\(module)\(suffix)"] = StoredTensor(
          name: "\(name)[\(expert)]", file: tensor.file,
          entry: TensorFile.Entry(
            dtype: tensor.dtype, shape: Array(tensor.shape.dropFirst()),
            range: start..<start + size))
        stacks[module] = "\(pieces.before).switch_mlp.\(layer)"
      }
    }
  }

  /// What files in full precision call a layer of an expert.
  private static func name(of layer: Substring, under block: Substring) -> Substring {
    guard block.hasSuffix(".block_sparse_moe") else { return layer }
    switch layer {
    case "gate_proj": return "w1"
    case "down_proj": return "w2"
    case "up_proj": return "w3"
    default: return layer
    }
  }
}

extension String {
  /// What stands before and after the first place of a text.
  fileprivate func components(around text: String) -> (before: Substring, after: Substring)? {
    guard let range = firstRange(of: text) else { return nil }
    return (self[..<range.lowerBound], self[range.upperBound...])
  }
}
