/// How a format stores layers, as its readers have it: shares nothing with the writers.
struct StoredFormat: Sendable, Equatable {
  /// Its name in `quantization_config`.
  let name: String
  /// The type of weights, and their bits; nil for what the format leaves open.
  let type: String?
  let bitCount: Int?
  let elements: any StoredElements
  let scales: StoredScales
  let zeroPoints: ZeroPoints

  /// Those of compressed-tensors.
  static let all: [StoredFormat] = [
    .init("pack-quantized", "int", nil, PackedIntegers(), .floats, .words),
    .init("int-quantized", "int", nil, ByteElements(), .floats),
    .init("float-quantized", "float", 8, ByteElements(), .floats),
    .init("naive-quantized", nil, nil, ByteElements(), .floats),
    .init("nvfp4-pack-quantized", "float", 4, FloatPairs(), .relative),
    .init("mxfp4-pack-quantized", "float", 4, FloatPairs(), .exponents),
    .init("mxfp8-quantized", "float", 8, ByteElements(), .exponents),
  ]

  /// That of MLX, which has no name in a configuration.
  static let rows = StoredFormat("mlx", "int", nil, RowIntegers(), .floatsWithBiases)

  private init(
    _ name: String, _ type: String?, _ bitCount: Int?, _ elements: any StoredElements,
    _ scales: StoredScales, _ zeroPoints: ZeroPoints = .bytes
  ) {
    (self.name, self.type, self.bitCount) = (name, type, bitCount)
    (self.elements, self.scales, self.zeroPoints) = (elements, scales, zeroPoints)
  }

  /// A format whose integers, scales and zero points lie by columns.
  init(_ name: String, _ columns: StoredColumns) {
    self.init(name, "int", nil, columns, .floats)
  }

  static func == (a: StoredFormat, b: StoredFormat) -> Bool { a.name == b.name }

  /// Whether a module with these tensors, by what their names end with, is quantized in any format. It may be
  /// one without its scales.
  static func recognises(_ tensors: [String: StoredTensor]) -> Bool {
    tensors["weight_scale"] != nil || tensors["qweight"] != nil || tensors["qzeros"] != nil
      || all.contains { $0.elements.recognises(tensors) }
  }

  /// How the whole layer lies by columns; nil for formats of compressed-tensors.
  var columns: StoredColumns? { elements as? StoredColumns }

  /// Every tensor that a layer has; the scales' shape is nil where the strategy lacks the sizes that it needs.
  func expected(_ layer: StoredLayer) -> [ExpectedTensor] {
    if let columns { return [columns.expected(layer)] + columns.others(layer) }
    return [elements.expected(layer)] + scales.expected(layer)
      + [elements.sizeRecord].compactMap(\.self)
      + (layer.scheme.isSymmetric ? [] : [ZeroPoints.expected(layer)])
  }
}

extension StoredFormat {
  /// Scales and zero points of a layer, the latter counted like elements, nil for none, and the least number that a
  /// scale can be; nil where a tensor is not as it should be.
  func parameters(
    _ stored: [String: StoredTensor], _ layer: StoredLayer
  ) -> (scales: [Float], zeros: [Float]?, least: Float)? {
    if let columns {
      guard let zeros = stored["qzeros"], let scales = stored["scales"],
        let numbers = columns.parameters(zeros: zeros, scales: scales, layer)
      else { return nil }
      return (numbers.scales, numbers.zeros, 0)
    }
    guard let scale = stored[scales.suffix],
      let numbers = scales.numbers(scale, global: stored["weight_global_scale"])
    else { return nil }
    let zeros =
      stored["weight_zero_point"].map { ZeroPoints.numbers($0, layer) }
      ?? stored[StoredScales.biases].flatMap {
        StoredScales.zeros(of: $0, numbers.scales, bitCount: layer.scheme.bitCount)
      }
    return (numbers.scales, zeros, numbers.least)
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
