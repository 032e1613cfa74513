import Diagnostics
public import Quantization
import Reporting
public import Tensors

/// A linear layer that is to be quantized.
public struct LayerView: Sendable {
  /// The module's full name: `model.layers.0.mlp.up_proj`.
  public let name: String
  /// `[outputs, inputs]`, in the type of the source; ``Tensor/floats()`` gives its numbers.
  public let weight: Tensor
  /// How the weight is to be quantized.
  public let arguments: QuantizationArguments
  /// Which elements of the weight share a scale.
  public let grouping: WeightGrouping
  /// How the layer, its inputs included, is to be quantized.
  public let scheme: QuantizationScheme
  /// Its name in its unit, for reports.
  let shortName: String
  /// What its scales and those of other layers have in common; nil where there is none, or it is the weight's own.
  let globalScale: Float?

  /// The weight rounded to nearest.
  ///
  /// - Parameters:
  ///   - searchesScales: Whether scales are searched for that lose less than those of the whole range, where there is
  ///     such a search for the scheme.
  ///   - importance: What an error in a column weighs there, one number at least 0 for each column; nil: all the same.
  /// - Throws: `InputError`, which names the layer, if the weight cannot be stored in its scheme.
  public func rounded(searchesScales: Bool = false, importance: [Float]? = nil) throws
    -> QuantizedWeight
  {
    try naming(name) {
      guard importance == nil || importance?.count == grouping.columns else {
        throw InputError(
          .invalidValue, place: "importance",
          "found \(importance?.count ?? 0) numbers, expected one for each of the weight's \(grouping.columns) columns"
        )
      }
      let quantizer = try arguments.makeWeightQuantizer(
        for: weight, scaleDType: arguments.scaleDType(tuning: weight.dtype),
        globalScale: globalScale, isTuned: false)
      if searchesScales { quantizer.searchScales(importance: importance) }
      return try quantizer.finished()
    }
  }

  /// A weight made by a rule of one's own.
  ///
  /// - Parameters:
  ///   - codes: One for each element, row by row: an integer counted from the least one (the zero of symmetric
  ///     integers of n bits is 2^(n-1)), or the bits of a float.
  ///   - scales: One for each parameter set of ``grouping``. They are rounded to the type in which they are stored,
  ///     ``storedScale(_:)``.
  ///   - zeroPoints: Like `scales`, the codes of zero; nil for symmetric weights and floats.
  /// - Throws: `InputError`, which names the layer, if there are too many or too few numbers, or one has no place in the
  ///   scheme.
  public func quantizedWeight(
    codes: [UInt8], scales: [Float], zeroPoints: [UInt8]? = nil
  ) throws -> QuantizedWeight {
    try naming(name) {
      try arguments.weight(
        grouping: grouping, codes: codes, scales: scales, zeroPoints: zeroPoints,
        globalScale: globalScale, like: weight)
    }
  }

  /// The number that a scale becomes when it is stored.
  public func storedScale(_ scale: Float) -> Float {
    arguments.storedScales([scale], dtype: arguments.scaleDType(tuning: weight.dtype))[0]
  }

  /// Whether a weight can be stored as this layer's.
  func fits(_ quantized: QuantizedWeight) -> Bool {
    quantized.arguments == arguments && quantized.grouping == grouping
      && quantized.scaleDType == arguments.scaleDType(tuning: weight.dtype)
  }

  /// What became of the weight. Its pages are given back then, as nothing reads them after it.
  func report(on quantized: QuantizedWeight) -> LayerReport {
    defer { weight.releasePages() }
    return LayerReport(
      name: shortName, bitCount: arguments.bitCount,
      weightError: quantized.relativeError(from: weight))
  }

  func makeQuantizer(on device: any TuningDevice, isTuned: Bool) throws -> any WeightQuantizer {
    try device.makeWeightQuantizer(
      for: weight, arguments, scaleDType: arguments.scaleDType(tuning: weight.dtype),
      globalScale: globalScale, isTuned: isTuned)
  }
}

/// What calibration has found out about a layer.
public struct LayerData: Sendable {
  /// What an error in each column of the weight matters: the sum of squares of the layer's inputs there, in full
  /// precision. Nil where the model is not run, or it was not asked for (``CalibrationNeeds/importance``).
  public let importance: [Float]?
}
