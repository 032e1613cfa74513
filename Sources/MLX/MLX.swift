package import Checkpoints
package import Diagnostics
package import JSONText
package import Quantization
package import QuantizedCheckpoints
package import Tensors

/// Checkpoints of MLX, which mlx-lm loads: integers in rows, with a scale and a bias for each group of a row.
///
/// | tensor | type | shape |
/// |---|---|---|
/// | `weight` | u32 | ``RowCodes`` |
/// | `scales` | that of the model | ``RowScales`` |
/// | `biases` | the same | ``RowBiases`` |
///
/// Experts are stacks, see ``ExpertNames``. Embeddings may be stored so as well.
///
/// Source: mlx-lm 0.32.2 (`utils.py`, `models`) and mlx (`ops.cpp`, `backend/cpu/quantized.cpp`), read in 2026-11.
package struct MLX: ReadableFamily {
  package init() {}

  package static let tensorSuffixes: Set = [RowScales.suffix, RowBiases.suffix]

  /// Where a configuration speaks of it; `quantization_config` has a copy.
  package static let key = "quantization"

  package let name = "mlx"
  package var tensorSuffixes: Set<String> { Self.tensorSuffixes }

  static let bitCounts = [2, 3, 4, 5, 6, 8]
  static let groupSizes = [32, 64, 128]

  /// Whether it is this family that a configuration speaks of.
  ///
  /// - Parameter fields: The value of ``key`` or its copy.
  package static func isMeant(by fields: JSONReader) -> Bool {
    fields.value["quant_method"] == nil && fields.value["bits"] != nil
      && fields.value["group_size"] != nil
  }

  package func requireHolds(_ scheme: QuantizationScheme, path: String) throws(InputError) {
    func refuse(_ key: String, _ found: String, _ expected: String) -> InputError {
      InputError(
        .unsupported, place: "\(path).\(key)", "found \(found), expected \(expected) in \(name)")
    }
    guard scheme.inputActivations == nil, scheme.outputActivations == nil else {
      throw refuse("input_activations", "quantized inputs", "null")
    }
    guard let weights = scheme.weights else { return }
    guard weights.type == .int, Self.bitCounts.contains(weights.bitCount) else {
      throw refuse("bits", weights.summary, "integers of \(list(Self.bitCounts)) bits")
    }
    guard weights.strategy == .group, let size = weights.groupSize, Self.groupSizes.contains(size)
    else {
      throw refuse("group_size", weights.sharing, "groups of \(list(Self.groupSizes))")
    }
  }

  private func list(_ numbers: [Int]) -> String {
    numbers.dropLast().map(String.init).joined(separator: ", ")
      + " or \(numbers[numbers.count - 1])"
  }

  package func encoding(of scheme: QuantizationScheme) throws(InputError) -> LayerEncoding {
    LayerEncoding([RowBiases(), RowScales(), RowCodes()])
  }

  /// Kernels multiply integers, and add up in f32; those that make numbers of a weight first differ among devices.
  package func dtype(ofScales dtype: DType) -> DType { .float32 }

  package func place(of name: String) -> TensorPlace { ExpertNames.place(of: name) }

  package func storedSchemes(
    _ fields: JSONReader, tensors: some Sequence<TensorInfo>
  ) throws(InputError) -> StoredSchemes {
    let configuration = try MLXConfiguration(fields)
    var stored = StoredSchemes(groups: [], ignore: [], keyValueScheme: nil, origin: .exceptions)
    var kept: [String] = []
    var named: [String: QuantizationScheme] = [:]
    for info in tensors {
      if info.dtype.isFloatingPoint, info.shape.count == 2,
        let module = ModuleDescription.name(ofWeight: info.name)
      {
        kept.append(module)
      }
      guard let module = ModuleDescription.name(ofTensor: info.name, ending: RowScales.suffix)
      else { continue }
      let weights = try configuration.arguments(of: module)
      var group = stored.groups.first { $0.scheme.weights == weights }
      if group == nil {
        group = (fields.path, QuantizationScheme(targets: ["Linear"], weights: weights))
        stored.groups += [group].compactMap(\.self)
      }
      for layer in ExpertNames.layers(of: module, info.shape) { named[layer] = group?.scheme }
    }
    stored.ignore = kept.sorted()
    stored.named = named
    return stored
  }

  package func layers(in checkpoint: Checkpoint) -> Set<String> {
    Set(
      checkpoint.tensorNames.compactMap(checkpoint.info).flatMap { info in
        ModuleDescription.name(ofTensor: info.name, ending: RowScales.suffix)
          .map { ExpertNames.layers(of: $0, info.shape) } ?? []
      })
  }

  package func owners(of tensor: TensorInfo) -> [String] {
    [RowCodes.suffix, RowScales.suffix, RowBiases.suffix]
      .compactMap { ModuleDescription.name(ofTensor: tensor.name, ending: $0) }
      .flatMap { ExpertNames.layers(of: $0, tensor.shape) }
  }

  package func measure(
    _ layer: String, _ arguments: QuantizationArguments?, in checkpoint: Checkpoint
  ) throws(InputError) -> (weightCount: Int, byteCount: Int) {
    func byteCount(_ suffix: String) -> Int {
      let place = place(of: "\(layer).\(suffix)")
      guard let info = checkpoint.info(place.tensor), place.isIn(info) else { return 0 }
      return place.index == nil ? info.byteCount : info.byteCount / max(info.shape[0], 1)
    }
    let codes = byteCount(RowCodes.suffix)
    return (
      8 * codes / (arguments?.bitCount ?? Self.bitCounts[0]),
      codes + byteCount(RowScales.suffix) + byteCount(RowBiases.suffix)
    )
  }
}
