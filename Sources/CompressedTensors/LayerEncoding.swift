package import Checkpoints
package import Diagnostics
package import Quantization
package import Tensors

/// How a format of compressed-tensors 0.19 stores the weight of a layer.
///
/// A layer `name` has tensors `name.weight_scale` and the like; which, ``parts`` says.
package struct LayerEncoding: Sendable {
  private let format: CompressionFormat
  /// The layer's tensors, in the order of their names.
  private let parts: [any LayerPart]

  fileprivate init(_ format: CompressionFormat, _ parts: [any LayerPart]) {
    (self.format, self.parts) = (format, parts)
  }

  /// The tensors of a layer, in the order of their names, before there is any data.
  ///
  /// - Parameters:
  ///   - name: The layer's: `model.layers.0.mlp.up_proj`.
  ///   - rows: Output features.
  ///   - columns: Input features.
  ///   - scaleDType: The type that scales are stored in.
  package func plannedTensors(
    for name: String, rows: Int, columns: Int, arguments: QuantizationArguments, scaleDType: DType
  ) throws(InputError) -> [TensorInfo] {
    let layer = LayerOutline(
      arguments: arguments, grouping: try arguments.grouping(rows: rows, columns: columns),
      scaleDType: scaleDType)
    var planned: [TensorInfo] = []
    for part in parts where part.isPart(of: arguments) {
      let (dtypes, shape) = try part.kind(layer)
      planned.append(TensorInfo(name: part.suffix.name(of: name), dtype: dtypes[0], shape: shape))
    }
    return planned
  }

  /// The same tensors with data.
  package func tensors(
    for weight: QuantizedWeight, name: String
  ) -> [(name: String, tensor: Tensor)] {
    parts.filter { $0.isPart(of: weight.arguments) }
      .map { ($0.suffix.name(of: name), $0.tensor(of: weight)) }
  }

  /// The weight that a layer's tensors hold.
  ///
  /// - Parameters:
  ///   - name: The layer's.
  ///   - tensor: Finds a tensor of the checkpoint by its full name.
  /// - Throws: `missing` or `malformed`, with the tensor's name as the place.
  package func weight(
    named name: String, arguments: QuantizationArguments,
    tensor: (String) throws(InputError) -> Tensor?
  ) throws(InputError) -> QuantizedWeight {
    try withStored(name, arguments, tensor) { layer, stored throws(InputError) in
      var numbers = LayerNumbers(outline: layer)
      for (part, tensor) in stored {
        do throws(InputError) {
          try part.read(tensor, into: &numbers)
        } catch {
          throw InputError(error.code, place: part.suffix.name(of: name), error.message)
        }
      }
      return numbers.weight
    }
  }

  /// The shape of the weight that a layer's tensors hold, by their types and shapes alone.
  ///
  /// Parameters and errors are those of ``weight(named:arguments:tensor:)``.
  package func shape(
    named name: String, arguments: QuantizationArguments,
    tensor: (String) throws(InputError) -> Tensor?
  ) throws(InputError) -> (rows: Int, columns: Int) {
    try withStored(name, arguments, tensor) { layer, _ in
      (layer.grouping.rows, layer.grouping.columns)
    }
  }

  /// Calls `body` with the tensors of a layer, whose types and shapes are right.
  private func withStored<Result>(
    _ name: String, _ arguments: QuantizationArguments,
    _ find: (String) throws(InputError) -> Tensor?,
    _ body: (LayerOutline, [(any LayerPart, Tensor)]) throws(InputError) -> Result
  ) throws(InputError) -> Result {
    try format.requireHolds(arguments)
    return try withoutActuallyEscaping(find) { find throws(InputError) in
      let tensors = LayerTensors(name: name, find: find)
      let (rows, columns) = try size(tensors, arguments)
      let layer = LayerOutline(
        arguments: arguments, grouping: try arguments.grouping(rows: rows, columns: columns),
        scaleDType: nil)
      var stored: [(any LayerPart, Tensor)] = []
      for part in parts where part.isPart(of: arguments) {
        let (dtypes, shape) = try part.kind(layer)
        stored.append((part, try tensors.required(part.suffix, dtypes: dtypes, shape: shape)))
      }
      return try body(layer, stored)
    }
  }

  private func size(
    _ tensors: LayerTensors, _ arguments: QuantizationArguments
  ) throws(InputError) -> (rows: Int, columns: Int) {
    for part in parts {
      if let size = try part.size(in: tensors, arguments) { return size }
    }
    preconditionFailure("a layout that does not tell the size of a weight")
  }
}

extension CompressionFormat {
  /// The encoding of this format: the table of layouts.
  package func encoding() throws(InputError) -> LayerEncoding {
    let parts: [any LayerPart]
    switch self {
    case .packQuantized: parts = [WordCodes(), FloatScales(), SizeRecord(), WordZeroPoints()]
    case .intQuantized, .floatQuantized, .naiveQuantized:
      parts = [ByteCodes(), FloatScales(), ByteZeroPoints()]
    case .mxfp4PackQuantized: parts = [PairCodes(), ExponentScales()]
    case .mxfp8Quantized: parts = [ByteCodes(), ExponentScales()]
    case .nvfp4PackQuantized: parts = [GlobalScale(), PairCodes(), RelativeScales()]
    case .dense, .mixedPrecision:
      throw InputError(
        .unsupported, place: "format", "\(rawValue) is not how the weights of a layer are stored")
    }
    return LayerEncoding(self, parts)
  }
}
