package import Checkpoints
package import Diagnostics
package import JSONText
package import Quantization
package import QuantizedCheckpoints

extension GPTQ {
  /// The version of GPTQModel, AutoAWQ or auto-round whose files these are like.
  package var version: String {
    switch method {
    case .gptq: "5.0"
    case .awq: "0.2"
    case .autoRound: "0.16"
    }
  }

  package var transformersPackage: String? {
    method == .autoRound ? "auto-round" : "gptqmodel optimum"
  }

  /// The family of a method that holds layers.
  ///
  /// Files of GPTQ store zero points less one, where one of 0 has no place: loaders add one to whole words. So as soon
  /// as a layer is asymmetric, and before anyone knows its zero points, the format is `gptq_v2`, which stores them as
  /// they are; GPTQModel reads it. auto_round chooses a packing by the schemes.
  ///
  /// - Parameter schemes: By layer.
  /// - Throws: `unsupported`, with the layer as the place, for what the method cannot store.
  package static func family(
    _ method: Method, of schemes: [String: QuantizationScheme]
  ) throws(InputError) -> GPTQ {
    let weights = schemes.sorted { $0.key < $1.key }.compactMap { name, scheme in
      scheme.weights.map { (name: name, scheme: ColumnScheme($0)) }
    }
    let isSymmetric = weights.allSatisfy(\.scheme.isSymmetric)
    let packing: Packing
    switch method {
    case .gptq: packing = isSymmetric ? .gptq : .gptqV2
    case .awq: packing = .awq
    case .autoRound:
      // What multiplies integers in the order of AWQ knows 4 bits, and takes all layers to have zero points.
      let fitsAWQ = weights.allSatisfy { !$0.scheme.isSymmetric && $0.scheme.bitCount == 4 }
      packing = isSymmetric ? .autoRoundGPTQ : fitsAWQ ? .awq : .autoRound
    }
    let family = GPTQ(method, packing)
    for (name, scheme) in schemes.sorted(by: { $0.key < $1.key }) {
      try family.requireHolds(scheme, path: name)
    }
    if method == .awq, let first = weights.first,
      let other = weights.first(where: { $0.scheme != first.scheme })
    {
      throw InputError(
        .unsupported, place: other.name,
        "found \(other.scheme.summary), and \(first.scheme.summary) for \(first.name); expected the same for all layers in a checkpoint of awq"
      )
    }
    return family
  }

  package func outline(
    of configuration: JSONValue, tensors: [TensorInfo], modules: [ModuleDescription],
    schemes: [String: QuantizationScheme], keyValues: KeyValueOutline?
  ) throws(InputError) -> CheckpointOutline {
    if keyValues != nil {
      throw InputError(
        .unsupported, place: "kv_cache_scheme",
        "a checkpoint of \(name) has no place for scales of keys and values")
    }
    for info in tensors {
      guard let layer = ModuleDescription.name(ofWeight: info.name),
        let weights = schemes[layer]?.weights
      else { continue }
      try requireWholeWords(layer, info.shape, bitCount: weights.bitCount)
    }
    let record = try QuantizationRecord(method, packing, schemes: schemes, modules: modules).json
    var outline = CheckpointOutline(configuration: configuration)
    outline.configuration.set("quantization_config", record)
    outline.documents = [
      ("config.json", outline.configuration.text(indentation: 2) + "\n"),
      ("quantization_config.json", record.text(indentation: 2) + "\n"),
    ]
    try outline.add(tensors, schemes: schemes, keyValues: nil, of: self)
    return outline
  }

  /// Refuses sizes that do not fill words: loaders make tensors of the whole ones.
  private func requireWholeWords(
    _ layer: String, _ shape: [Int], bitCount: Int
  ) throws(InputError) {
    // The least number of integers that fills words.
    let count = 32 >> bitCount.trailingZeroBitCount
    guard shape.count == 2 else {
      throw InputError(.unsupported, place: layer, "has shape \(shape), expected rows and columns")
    }
    for (size, what) in [(shape[0], "outputs"), (shape[1], "inputs")] where size % count != 0 {
      throw InputError(
        .unsupported, place: layer,
        "has \(size) \(what), expected a multiple of \(count) for \(bitCount)-bit integers in a checkpoint of \(name)"
      )
    }
  }
}
