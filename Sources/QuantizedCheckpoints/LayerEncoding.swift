package import Checkpoints
package import Diagnostics
package import Quantization
package import Tensors

/// How a format stores the weight of a layer: the tensors that it has, each a ``LayerPart``.
///
/// They are called by the name of the layer and that of the part, `model.layers.0.mlp.up_proj.weight_scale`; a family
/// says where in files they are.
package struct LayerEncoding: Sendable {
  /// The layer's tensors, in the order of their names.
  private let parts: [any LayerPart]

  /// - Parameter parts: One of them tells the size of a weight.
  package init(_ parts: [any LayerPart]) { self.parts = parts }

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
      planned.append(TensorInfo(name: "\(name).\(part.name)", dtype: dtypes[0], shape: shape))
    }
    return planned
  }

  /// Bytes of planned tensors, without records that say how to read the others.
  func weightByteCount(_ planned: [TensorInfo]) -> Int {
    let records = parts.filter(\.isRecord).map { ".\($0.name)" }
    return planned.filter { info in !records.contains(where: info.name.hasSuffix) }
      .reduce(0) { $0 + $1.byteCount }
  }

  /// Whether groups may have biases that are no multiples of their scales.
  package var holdsBiases: Bool { parts.contains(where: \.holdsBiases) }

  /// Refuses a weight of which a tensor would not hold every number as it is.
  ///
  /// - Throws: `unsupported`, with the tensor's name as the place.
  package func requireHolds(_ weight: QuantizedWeight, name: String) throws(InputError) {
    guard weight.biases == nil || holdsBiases else {
      throw InputError(
        .unsupported, place: name,
        "has groups with biases that are no multiples of their scales, expected zero points: other formats hold no biases"
      )
    }
    for part in parts where part.isPart(of: weight.arguments) {
      do throws(InputError) {
        try part.requireHolds(weight)
      } catch {
        throw InputError(error.code, place: "\(name).\(part.name)", error.message)
      }
    }
  }

  /// The same tensors with data.
  package func tensors(
    for weight: QuantizedWeight, name: String
  ) -> [(name: String, tensor: Tensor)] {
    parts.filter { $0.isPart(of: weight.arguments) }
      .map { ("\(name).\($0.name)", $0.tensor(of: weight)) }
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
          throw InputError(error.code, place: "\(name).\(part.name)", error.message)
        }
      }
      return numbers.weight
    }
  }

  /// The size and the type of scales of the weight that a layer's tensors hold, by their types and shapes alone.
  ///
  /// Parameters and errors are those of ``weight(named:arguments:tensor:)``.
  package func outline(
    named name: String, arguments: QuantizationArguments,
    tensor: (String) throws(InputError) -> Tensor?
  ) throws(InputError) -> LayerOutline {
    try withStored(name, arguments, tensor) { layer, stored in
      LayerOutline(
        arguments: arguments, grouping: layer.grouping,
        scaleDType: stored.first { $0.0.holdsScales }?.1.dtype)
    }
  }

  /// Calls `body` with the tensors of a layer, whose types and shapes are right.
  private func withStored<Result>(
    _ name: String, _ arguments: QuantizationArguments,
    _ find: (String) throws(InputError) -> Tensor?,
    _ body: (LayerOutline, [(any LayerPart, Tensor)]) throws(InputError) -> Result
  ) throws(InputError) -> Result {
    try withoutActuallyEscaping(find) { find throws(InputError) in
      let tensors = LayerTensors(name: name, find: find)
      let (rows, columns) = try size(tensors, arguments)
      let layer = LayerOutline(
        arguments: arguments, grouping: try arguments.grouping(rows: rows, columns: columns),
        scaleDType: nil)
      var stored: [(any LayerPart, Tensor)] = []
      for part in parts where part.isPart(of: arguments) {
        let (dtypes, shape) = try part.kind(layer)
        stored.append((part, try tensors.required(part.name, dtypes: dtypes, shape: shape)))
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
