/// What `quantization_config` says about the weights of a group of layers.
struct LayerScheme: Equatable {
  var group: String
  var targets: [String]
  var format: StoredFormat
  var bitCount: Int
  var type: String
  var strategy: String
  var isSymmetric: Bool
  var groupSize: Int?
  var block: [Int]
  /// How the inputs are quantized; nil for not at all.
  var inputs: ActivationScheme?

  /// The shape of the tensor of scales for a weight with elements; nil where the strategy lacks the sizes
  /// that it needs.
  func scaleShape(rows: Int, columns: Int) -> [Int]? {
    func count(_ size: Int, in extent: Int) -> Int { (extent - 1) / size + 1 }
    switch strategy {
    case "tensor": return [1]
    case "channel": return [rows, 1]
    case "block":
      guard block.count == 2, block.allSatisfy({ $0 > 0 }) else { return nil }
      return [count(block[0], in: rows), count(block[1], in: columns)]
    case "group", "tensor_group":
      guard let size = groupSize, size > 0 else { return nil }
      return [rows, count(size, in: columns)]
    default: return nil
    }
  }

  /// The same apart from the group's name and targets.
  func isSame(_ other: LayerScheme) -> Bool {
    var copy = other
    (copy.group, copy.targets) = (group, targets)
    return self == copy
  }
}
