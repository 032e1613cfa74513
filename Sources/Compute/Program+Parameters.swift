package import Recordings
package import Tensors

/// A matrix or vector of a program with its memory.
package struct BoundPart {
  package var name: String
  package var parameter: Parameter
  /// First row of the part inside its parameter.
  package var rowOffset: Int
  package var rows: Int
  package var columns: Int
  package var isMatrix: Bool
  /// Whether it is a scale of quantized activations rather than a tensor of the model.
  package var isScale: Bool
  /// Its number among the parts of its parameter.
  package var index: Int
  /// Whether the program makes what it needs of it: it has no memory, and ``Program/use(_:for:)`` says from what.
  package var isMade: Bool
  /// The type of its elements.
  package var type: ComputeType
  /// `[rows, columns]`, contiguous. Of one that is made, no more than a place.
  package var range: DeviceRange
}

extension Program {
  /// New memory for another block's weights.
  package func makeParameters() -> ParameterMemory { ParameterMemory(recording, device: device) }

  /// Every matrix and vector that the program reads, in the order of recording.
  package var parameterParts: [BoundPart] {
    recording.parameters.indices.flatMap { index -> [BoundPart] in
      let info = recording.parameters[index]
      let type = recording.type(of: info)
      let rowByteCount = info.columns * type.byteCount
      let parameter = Parameter(index: index)
      let isMade = parameters.isMade(parameter)
      var row = 0
      return info.parts.enumerated().map { number, part in
        defer { row += part.rows }
        return BoundPart(
          name: part.name, parameter: parameter, rowOffset: row, rows: part.rows,
          columns: info.columns, isMatrix: info.isMatrix, isScale: info.isScale, index: number,
          isMade: isMade, type: type,
          range: self[range: parameter] + (isMade ? 0 : row * rowByteCount))
      }
    }
  }

  /// Reads a part that is made from `source` from now on.
  package func use(_ source: any MatrixSource, for part: BoundPart) {
    parameters.use(source, for: part)
  }

  /// Fills one part from a tensor of as many elements, converting to the program's type. One that is made is read
  /// where the tensor has it.
  package func load(_ tensor: Tensor, into part: BoundPart) {
    precondition(tensor.count == part.rows * part.columns, "\(part.name): \(tensor.shape)")
    guard !part.isMade else {
      return use(TensorMatrix(tensor: tensor.reshaped([part.rows, part.columns])), for: part)
    }
    tensor.converted(to: part.type.dtype).withUnsafeBytes { part.range.upload($0) }
  }

  /// Gives each part the numbers of that part of another program on the same device which has its name.
  package func takeParts(of other: Program) {
    let others = Dictionary(
      other.parameterParts.map { ($0.name, $0) }, uniquingKeysWith: { first, _ in first })
    for part in parameterParts {
      guard let source = others[part.name] else { preconditionFailure("no part \(part.name)") }
      if part.isMade {
        use(other.parameters[made: source.parameter].source(ofPart: source.index), for: part)
      } else {
        part.range.copy(
          from: source.range, byteCount: part.rows * part.columns * part.type.byteCount)
      }
    }
  }

  /// As ``load(_:into:)``, but without a copy where the part is a matrix that nothing joins and the tensor has
  /// the program's type, if the device can read it where it lies.
  package func bind(_ tensor: Tensor, to part: BoundPart) {
    precondition(training == .nothing && tensor.count == part.rows * part.columns)
    let info = recording.parameters[part.parameter.index]
    guard info.isMatrix, !part.isMade, info.parts.count == 1, tensor.count > 0 else {
      return load(tensor, into: part)
    }
    parameters.use(
      device.makeBuffer(of: tensor.converted(to: part.type.dtype)), as: part.parameter)
  }

  /// The activations that the program can quantize with a scale from calibration, in the order of
  /// recording.
  package var calibratedActivations: [QuantizedActivations] {
    recording.nodes.compactMap { node in
      guard case .quantization(let quantization) = node.operation else { return nil }
      return node.parameters.first.map {
        QuantizedActivations(quantization: quantization, scale: $0)
      }
    }
  }
}
