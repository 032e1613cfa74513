package import Checkpoints
package import Diagnostics
package import Quantization
package import Tensors

/// How one quantized weight becomes tensors of a checkpoint, and back.
///
/// A layer `name` has tensors `name.weight_scale` and the like; which, the layout decides.
package protocol WeightLayout {
  /// The tensors of a layer, in the order of their names, before there is any data.
  ///
  /// - Parameters:
  ///   - name: The layer's: `model.layers.0.mlp.up_proj`.
  ///   - rows: Output features.
  ///   - columns: Input features.
  ///   - scaleDType: The type that scales are stored in.
  static func plannedTensors(
    for name: String, rows: Int, columns: Int, arguments: QuantizationArguments, scaleDType: DType
  ) throws(InputError) -> [TensorInfo]

  /// The same tensors with data.
  static func tensors(for weight: QuantizedWeight, name: String) -> [(name: String, tensor: Tensor)]

  /// The weight that a layer's tensors hold.
  ///
  /// - Parameters:
  ///   - name: The layer's.
  ///   - tensor: Finds a tensor of the checkpoint by its full name.
  /// - Throws: `missing` or `malformed`, with the tensor's name as the place.
  static func weight(
    named name: String, arguments: QuantizationArguments,
    tensor: (String) throws(InputError) -> Tensor?
  ) throws(InputError) -> QuantizedWeight

  /// The shape of the weight that a layer's tensors hold, without its elements.
  ///
  /// Parameters and errors are those of ``weight(named:arguments:tensor:)``.
  static func shape(
    named name: String, arguments: QuantizationArguments,
    tensor: (String) throws(InputError) -> Tensor?
  ) throws(InputError) -> (rows: Int, columns: Int)
}

extension WeightLayout {
  /// Of layouts with an element for each weight.
  package static func shape(
    named name: String, arguments: QuantizationArguments,
    tensor: (String) throws(InputError) -> Tensor?
  ) throws(InputError) -> (rows: Int, columns: Int) {
    try withoutActuallyEscaping(tensor) { tensor throws(InputError) in
      let (_, rows, columns) = try LayerTensors(name: name, find: tensor).requiredMatrix(
        "weight", dtypes: [.int8, .float8E4M3])
      return (rows, columns)
    }
  }
}

extension CompressionFormat {
  /// The layout of this format: the table of output formats.
  package func layout() throws(InputError) -> any WeightLayout.Type {
    switch self {
    case .packQuantized: return PackQuantized.self
    case .intQuantized, .floatQuantized, .naiveQuantized: return PlainQuantized.self
    case .mxfp4PackQuantized: return MXFP4PackQuantized.self
    case .mxfp8Quantized: return MXFP8Quantized.self
    case .nvfp4PackQuantized: return NVFP4PackQuantized.self
    case .dense, .mixedPrecision:
      throw InputError(
        .unsupported, place: "format", "\(rawValue) is not how the weights of a layer are stored")
    }
  }
}
