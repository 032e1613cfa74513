import Checkpoints

/// What mlx-lm calls experts, which are one stack for each of their layers: `mlp.switch_mlp.up_proj` for all
/// `mlp.experts.7.up_proj`. Its loaders make stacks of experts in full precision, of quantized ones only some do; all take
/// those that are stacks already.
enum ExpertNames {
  private static let single = "experts"
  private static let stack = "switch_mlp"

  /// What it calls the layers of an expert, by their names in models that have them under `block_sparse_moe`.
  private static let renamed = ["w1": "gate_proj", "w2": "down_proj", "w3": "up_proj"]
  private static let sparse = "block_sparse_moe"

  /// Where the tensor of an expert is: `model.layers.0.mlp.experts.7.up_proj.scales`. Others have their own names.
  static func place(of name: String) -> TensorPlace {
    var parts = name.split(separator: ".", omittingEmptySubsequences: false).map(String.init)
    guard parts.count >= 5, parts[parts.count - 4] == single,
      let expert = index(parts[parts.count - 3])
    else { return TensorPlace(tensor: name) }
    let layer = parts[parts.count - 2]
    if parts[parts.count - 5] == sparse { parts[parts.count - 2] = renamed[layer] ?? layer }
    parts.replaceSubrange(parts.count - 4...parts.count - 3, with: [stack])
    return TensorPlace(tensor: parts.joined(separator: "."), index: expert)
  }

  /// The layers that a module of mlx-lm has the tensors of: itself, or one for each expert of a stack.
  ///
  /// - Parameter shape: That of one of its tensors.
  static func layers(of module: String, _ shape: [Int]) -> [String] {
    var parts = module.split(separator: ".", omittingEmptySubsequences: false).map(String.init)
    guard shape.count == 3, parts.count >= 3, parts[parts.count - 2] == stack else {
      return [module]
    }
    guard shape[1] > 0, shape[2] > 0 else { return [] }
    let layer = parts[parts.count - 1]
    if parts[parts.count - 3] == sparse {
      parts[parts.count - 1] = renamed.first { $0.value == layer }?.key ?? layer
    }
    return (0..<shape[0]).map { expert in
      var own = parts
      own.replaceSubrange(own.count - 2...own.count - 2, with: [single, "\(expert)"])
      return own.joined(separator: ".")
    }
  }

  /// A number as names have it, without leading zeros or a sign.
  private static func index(_ text: String) -> Int? {
    Int(text).flatMap { $0 >= 0 && "\($0)" == text ? $0 : nil }
  }
}
