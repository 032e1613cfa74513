import Compute
package import LanguageModels
package import Quantization
import Recordings
package import Tensors

extension BlockProgram {
  /// Finds the calibrated scales of the block's quantized inputs, by running it as it was on `inputs`, and
  /// puts them into its program.
  ///
  /// - Parameters:
  ///   - dtype: The type that scales are stored in.
  ///   - experts: What runs all experts, where the scales of experts are to hold whichever tokens choose them.
  package func calibrateInputs(
    on inputs: ActivationCache, dtype: DType, with experts: ExpertCalibration? = nil
  ) throws -> [CalibratedScale] {
    let inputScales = program.calibratedActivations.filter { !$0.isOfKeysOrValues(self) }
    guard !inputScales.isEmpty else { return [] }
    for activations in inputScales { program.observed[activations.scale] = nil }
    program.activations = .observed
    let experts = experts.flatMap { $0.hasScales ? $0 : nil }
    experts?.observe()
    forEachBatch(of: inputs, with: experts) { _, _ in }
    let ofExperts = experts?.observed ?? [:]
    return try inputScales.map { activations in
      let ranges =
        (program.observed[activations.scale] ?? [])
        + (ofExperts[part(of: activations).name] ?? [])
      let magnitudes = ranges.map {
        max(-$0.least, $0.greatest)
      }
      let largest = magnitudes.contains { !$0.isFinite } ? .nan : magnitudes.max() ?? 0
      let scale = try CalibratedScale(
        part: part(of: activations), activations: activations, largest: largest,
        isTuned: true, dtype: dtype)
      scale.apply()
      return scale
    }
  }

  /// Finds the scales of keys and values from what the program saw of them while it ran in full precision,
  /// and puts them into the program.
  ///
  /// The range is a moving average over samples, as LLM Compressor keeps it, which calibrates with one
  /// sample at a time; or all that was seen if the scheme's observer is `static_minmax`.
  package func calibrateKeysAndValues(
    _ scheme: QuantizationArguments?, dtype: DType
  ) throws -> [CalibratedScale] {
    let isWhole = scheme?.observer == "static_minmax"
    return try program.calibratedActivations.filter { $0.isOfKeysOrValues(self) }.map {
      activations in
      let observed = program.observed[activations.scale] ?? []
      var average = observed.first ?? (0, 0)
      for range in observed.dropFirst() {
        let (below, above) = (range.least - average.least, range.greatest - average.greatest)
        average.least += isWhole ? min(below, 0) : 0.01 * below
        average.greatest += isWhole ? max(above, 0) : 0.01 * above
      }
      // A NaN in the average stays in the sum.
      let largest = max(-average.least, average.greatest) + 0 * (average.least + average.greatest)
      let scale = try CalibratedScale(
        part: part(of: activations), activations: activations, largest: largest,
        isTuned: false, dtype: dtype)
      scale.apply()
      return scale
    }
  }

  /// Where the scale of activations lies.
  fileprivate func part(of activations: QuantizedActivations) -> BoundPart {
    guard let part = program.parameterParts.first(where: { $0.parameter == activations.scale })
    else { preconditionFailure("activations without a scale are not calibrated") }
    return part
  }
}

extension QuantizedActivations {
  fileprivate func isOfKeysOrValues(_ block: BlockProgram) -> Bool {
    block.activations.isOfKeysOrValues(block.part(of: self).name)
  }
}
