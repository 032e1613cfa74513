import Diagnostics
package import JSONText

extension VerificationReport {
  /// A tensor that is to be written.
  package struct PlannedTensor {
    /// As safetensors names it.
    package var dtype: String
    package var shape: [Int]

    package init(dtype: String, shape: [Int]) { (self.dtype, self.shape) = (dtype, shape) }
  }

  /// What can be said of a checkpoint before it is written: the contracts of its configuration, whether its
  /// tensors will be those that the configuration speaks of, the devices that can share it, and what loads
  /// it.
  ///
  /// - Parameters:
  ///   - configuration: The planned config.json.
  ///   - layers: Rows and columns of every linear layer, by name, and whether it is to be quantized.
  ///   - tensors: What will be written, by name; nil to do without.
  package init(
    planned configuration: JSONValue, layers: [String: (shape: [Int], isQuantized: Bool)],
    tensors: [String: PlannedTensor]? = nil
  ) {
    self.init()
    guard var description = QuantizationDescription(configuration, &self) else { return }
    description.observe(layers: layers.filter(\.value.isQuantized).keys)
    var schemes: [String: LayerScheme] = [:]
    for (name, layer) in layers where layer.isQuantized {
      schemes[name] = description.scheme(of: name)
    }
    for (name, scheme) in schemes.sorted(by: { $0.key < $1.key }) {
      guard let tensors, let shape = layers[name]?.shape, shape.count == 2 else { continue }
      checkPlanned(name, scheme, shape, tensors)
    }
    LoadContracts(
      configuration: configuration, description: description,
      layers: Dictionary(
        uniqueKeysWithValues: layers.map { name, layer in (name, (layer.shape, schemes[name])) })
    ).run(&self)
    runtimes = description.runtimes(refusals: refusals)
    quantizedLayerCount = layers.values.count { $0.isQuantized }
  }

  /// The tensors of a layer are those that its scheme in the configuration has.
  private mutating func checkPlanned(
    _ module: String, _ scheme: LayerScheme, _ shape: [Int], _ tensors: [String: PlannedTensor]
  ) {
    let layer = StoredLayer(scheme: scheme, rows: shape[0], columns: shape[1])
    for expected in scheme.format.expected(layer) {
      guard let shape = expected.shape else { continue }
      let name = "\(module).\(expected.suffix)"
      guard let tensor = tensors[name] else {
        add(
          .damage, name, "is not among what is to be written, and \(quoted(scheme.group)) needs it")
        continue
      }
      if !expected.isMet(tensor.dtype, tensor.shape) {
        add(
          .damage, name,
          "is to be \(tensor.dtype) \(tensor.shape); \(quoted(scheme.group)), which readers find for it, "
            + "has \(expected.dtypes.joined(separator: " or ")) \(shape)")
      }
    }
  }
}
