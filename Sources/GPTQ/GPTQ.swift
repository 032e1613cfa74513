package import Checkpoints
package import Diagnostics
package import JSONText
package import Quantization
package import QuantizedCheckpoints
package import Tensors

/// Checkpoints of GPTQ, AWQ and auto_round, which all store weights by columns: integers beside the scales and zero
/// points of groups, without anything for activations.
///
/// | tensor | type | shape |
/// |---|---|---|
/// | `qweight` | i32 | ``ColumnCodes`` or ``InterleavedCodes`` |
/// | `qzeros` | i32 | ``ColumnZeroPoints`` |
/// | `scales` | f16 | ``ColumnScales`` |
/// | `g_idx` | i32 | ``ColumnGroups``, of GPTQ alone |
///
/// Source: the loaders of GPTQModel 5, AutoAWQ 0.2 and auto-round 0.16.
package struct GPTQ: CheckpointFamily {
  /// What `quant_method` may be.
  package enum Method: String, CaseIterable, Sendable {
    case gptq
    case awq
    case autoRound = "auto-round"
  }

  package static let tensorSuffixes: Set = ["qweight", "qzeros", "scales", "g_idx"]

  package var name: String { method.rawValue }
  package var tensorSuffixes: Set<String> { Self.tensorSuffixes }
  let method: Method
  let packing: Packing

  init(_ method: Method, _ packing: Packing) {
    (self.method, self.packing) = (method, packing)
  }

  /// Reads which of the packings a checkpoint has.
  ///
  /// - Parameter fields: Its `quantization_config`.
  /// - Returns: Nil for another `quant_method`.
  /// - Throws: `unsupported` for a packing that is none of these.
  package init?(_ fields: JSONReader) throws(InputError) {
    guard let method = Method(rawValue: try fields.required("quant_method").string()) else {
      return nil
    }
    self.method = method
    packing = try Packing(of: method, fields)
  }

  package func requireHolds(
    _ scheme: QuantizationScheme, path: String
  ) throws(InputError) {
    func refuse(_ key: String, _ found: String, _ expected: String) -> InputError {
      InputError(.unsupported, place: "\(path).\(key)", "found \(found), expected \(expected)")
    }
    guard scheme.inputActivations == nil, scheme.outputActivations == nil else {
      throw refuse("input_activations", "quantized inputs", "null in a checkpoint of \(name)")
    }
    guard let weights = scheme.weights else { return }
    guard weights.type == .int, packing.bitCounts.contains(weights.bitCount) else {
      let numbers = packing.bitCounts.map(String.init).joined(separator: ", ")
      throw refuse(
        "bits", weights.summary, "integers of \(numbers) bits in a checkpoint of \(name)")
    }
    guard [.group, .channel].contains(weights.strategy) else {
      throw refuse("group_size", weights.strategy.rawValue, "groups or rows")
    }
  }

  package func encoding(of scheme: QuantizationScheme) throws(InputError) -> LayerEncoding {
    LayerEncoding(packing.parts)
  }

  /// Kernels multiply integers, and sums with scales, so that no weight is rounded.
  package func dtype(ofScales dtype: DType) -> DType { .float32 }

  package func storedSchemes(
    _ fields: JSONReader, tensors: some Sequence<TensorInfo>
  ) throws(InputError) -> StoredSchemes {
    var stored = try GPTQConfiguration(fields, of: method).schemes
    for group in stored.groups { try requireHolds(group.scheme, path: group.name) }
    // Which layers stay as they are, loaders find out by their names; a matrix that has its weight is one of them.
    stored.ignore += tensors.filter { $0.shape.count == 2 }
      .compactMap { ModuleDescription.name(ofWeight: $0.name) }.sorted()
    // A head that is the embedding has neither.
    if !tensors.contains(where: { $0.name.hasSuffix("lm_head.qweight") }) {
      stored.ignore.append(#"re:(.*\.)?lm_head$"#)
    }
    return stored
  }

  package func layers(in checkpoint: Checkpoint) -> Set<String> {
    Set(
      checkpoint.tensorNames.compactMap { ModuleDescription.name(ofTensor: $0, ending: "qweight") })
  }

  package func owners(of tensor: TensorInfo) -> [String] {
    Self.tensorSuffixes.compactMap { ModuleDescription.name(ofTensor: tensor.name, ending: $0) }
  }

  package func measure(
    _ layer: String, _ arguments: QuantizationArguments?, in checkpoint: Checkpoint
  ) throws(InputError) -> (weightCount: Int, byteCount: Int) {
    let byteCount = ["qweight", "qzeros", "scales"]
      .compactMap { checkpoint.info("\(layer).\($0)")?.byteCount }.reduce(0, +)
    // The words of each output, or of each input, hold whole codes.
    let bitCount = arguments?.bitCount ?? packing.bitCounts[0]
    return (8 * (checkpoint.info("\(layer).qweight")?.byteCount ?? 0) / bitCount, byteCount)
  }
}
