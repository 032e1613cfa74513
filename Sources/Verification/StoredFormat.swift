/// How a format of compressed-tensors stores layers, as its readers have it: shares nothing with the writers.
struct StoredFormat: Sendable, Equatable {
  /// Its name in `quantization_config`.
  let name: String
  /// The type of weights, and their bits; nil for what the format leaves open.
  let type: String?
  let bitCount: Int?
  let elements: any StoredElements
  let scales: StoredScales
  let zeroPoints: ZeroPoints

  /// The table of formats.
  static let all: [StoredFormat] = [
    .init("pack-quantized", "int", nil, PackedIntegers(), .floats, .words),
    .init("int-quantized", "int", nil, ByteElements(), .floats),
    .init("float-quantized", "float", 8, ByteElements(), .floats),
    .init("naive-quantized", nil, nil, ByteElements(), .floats),
    .init("nvfp4-pack-quantized", "float", 4, FloatPairs(), .relative),
    .init("mxfp4-pack-quantized", "float", 4, FloatPairs(), .exponents),
    .init("mxfp8-quantized", "float", 8, ByteElements(), .exponents),
  ]

  private init(
    _ name: String, _ type: String?, _ bitCount: Int?, _ elements: any StoredElements,
    _ scales: StoredScales, _ zeroPoints: ZeroPoints = .bytes
  ) {
    (self.name, self.type, self.bitCount) = (name, type, bitCount)
    (self.elements, self.scales, self.zeroPoints) = (elements, scales, zeroPoints)
  }

  static func == (a: StoredFormat, b: StoredFormat) -> Bool { a.name == b.name }

  /// Whether a module with these tensors, by what their names end with, is quantized in any format. It may be
  /// one without its scales.
  static func recognises(_ tensors: [String: StoredTensor]) -> Bool {
    tensors["weight_scale"] != nil || all.contains { $0.elements.recognises(tensors) }
  }

  /// Every tensor that a layer has; the scales' shape is nil where the strategy lacks the sizes that it needs.
  func expected(_ layer: StoredLayer) -> [ExpectedTensor] {
    [elements.expected(layer)] + scales.expected(layer) + [elements.sizeRecord].compactMap(\.self)
      + (layer.scheme.isSymmetric ? [] : [ZeroPoints.expected(layer)])
  }
}

/// A tensor that a layer must have.
struct ExpectedTensor {
  /// What its name ends with after the layer's.
  let suffix: String
  let dtypes: [String]
  let shape: [Int]?
  /// What is wrong with the elements of a tensor of this type and shape; nil for nothing.
  var fault: (StoredTensor) -> String? = { _ in nil }

  func isMet(_ dtype: String, _ shape: [Int]) -> Bool {
    dtypes.contains(dtype) && shape == self.shape
  }
}

/// A layer of which the scheme and the size are known.
struct StoredLayer {
  let scheme: LayerScheme
  let rows: Int
  let columns: Int

  /// The shape of the tensor of scales.
  var scaleShape: [Int]? { scheme.scaleShape(rows: rows, columns: columns) }

  /// Rows and columns that share a scale.
  var block: (rows: Int, columns: Int) {
    let block =
      switch scheme.strategy {
      case "tensor": (rows, columns)
      case "channel": (1, columns)
      case "block": (scheme.block[0], scheme.block[1])
      default: (1, scheme.groupSize ?? columns)
      }
    return (min(block.0, rows), min(block.1, columns))
  }
}
