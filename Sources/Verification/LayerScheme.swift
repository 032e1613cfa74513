/// What `quantization_config` says about the weights of a group of layers.
struct LayerScheme: Equatable {
  var group: String
  var targets: [String]
  var format: String
  var bits: Int
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

  /// Whether several elements share the words or bytes of ``weightSuffix``.
  var isPacked: Bool { format.hasSuffix("pack-quantized") }

  /// The end of the name of the tensor with the elements.
  var weightSuffix: String { isPacked ? "weight_packed" : "weight" }

  /// The shape of that tensor.
  func weightShape(rows: Int, columns: Int) -> [Int] {
    switch format {
    case "pack-quantized": [rows, (columns * bits + 31) / 32]
    case "nvfp4-pack-quantized", "mxfp4-pack-quantized": [rows, columns / 2]
    default: [rows, columns]
    }
  }

  /// The type of that tensor.
  var weightType: String {
    switch format {
    case "pack-quantized": "I32"
    case "nvfp4-pack-quantized", "mxfp4-pack-quantized": "U8"
    default: type == "int" ? "I8" : "F8_E4M3"
    }
  }

  /// The types that scales may have.
  var scaleTypes: [String] {
    if format.hasPrefix("mxfp") { return ["U8", "F8_E8M0"] }
    return format == "nvfp4-pack-quantized" ? ["F8_E4M3"] : ["BF16", "F16", "F32"]
  }

  /// The same apart from the group's name and targets.
  func isSame(_ other: LayerScheme) -> Bool {
    var copy = other
    (copy.group, copy.targets) = (group, targets)
    return self == copy
  }
}
