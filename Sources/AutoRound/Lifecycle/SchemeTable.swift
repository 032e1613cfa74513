import Diagnostics
import LanguageModels
public import Quantization
import Tensors

/// What becomes of each linear layer of a model, and of its keys and values: decided before anything is computed.
public struct SchemeTable: Sendable, Equatable {
  /// By the layers' full names.
  var layers: [String: QuantizationScheme]
  /// How keys and values are quantized; nil for not at all.
  public internal(set) var keysAndValues: QuantizationArguments?

  /// The scheme of a layer, such as `model.layers.0.mlp.up_proj`; nil leaves it as it is.
  public subscript(layer: String) -> QuantizationScheme? {
    get { layers[layer] }
    set { layers[layer] = newValue }
  }

  /// A layer as it is to be quantized; nil where its weight stays as it is.
  ///
  /// - Parameters:
  ///   - shortName: Its name in its unit.
  ///   - globalScale: What its scales and those of other layers have in common.
  func view(
    of name: String, shortName: String, globalScale: Float? = nil, weight: () throws -> Tensor
  ) throws -> LayerView? {
    guard let scheme = self[name], let arguments = scheme.weights else { return nil }
    let weight = try weight()
    let grouping = try naming(name) {
      try arguments.grouping(rows: weight.shape[0], columns: weight.shape[1])
    }
    return LayerView(
      name: name, weight: weight, arguments: arguments, grouping: grouping, scheme: scheme,
      shortName: shortName, globalScale: globalScale)
  }

  /// Whether a layer of a block has a scheme for its weight.
  func quantizes(_ placed: PlacedBlock) -> Bool {
    placed.block.linearLayers.contains { layers["\(placed.name).\($0.name)"]?.weights != nil }
  }

  /// The scales of whole weights in NVFP4, by layer. Siblings share theirs, because runtimes put their weights into
  /// one.
  ///
  /// - Parameters:
  ///   - siblings: The layers' full names in groups.
  ///   - weight: Reads a layer's weight.
  func globalScales(
    sharedBy siblings: [[String]], weight: (String) throws -> Tensor?
  ) throws -> [String: Float] {
    var scales: [String: Float] = [:]
    for layers in siblings {
      let sharing = layers.filter { self[$0]?.weights?.floatFormat == .nvfp4 }
      guard let first = sharing.first else { continue }
      let weights = try sharing.compactMap(weight)
      let scale = try naming(first) { try FloatWeightQuantizer.globalScale(of: weights) }
      for weight in weights { weight.releasePages() }
      for layer in sharing { scales[layer] = scale }
    }
    return scales
  }
}
