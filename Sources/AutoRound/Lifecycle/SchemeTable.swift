import LanguageModels
public import Quantization

/// What becomes of each linear layer of a model, and of its keys and values: decided before anything is computed.
public struct SchemeTable: Sendable, Equatable {
  /// By the layers' full names.
  package var layers: [String: QuantizationScheme]
  /// How keys and values are quantized; nil for not at all.
  public internal(set) var keysAndValues: QuantizationArguments?

  package init(
    _ layers: [String: QuantizationScheme], keysAndValues: QuantizationArguments? = nil
  ) {
    self.layers = layers
    self.keysAndValues = keysAndValues
  }

  /// The scheme of a layer, such as `model.layers.0.mlp.up_proj`; nil leaves it as it is.
  public subscript(layer: String) -> QuantizationScheme? {
    get { layers[layer] }
    set { layers[layer] = newValue }
  }

  /// Whether a layer of a block has a scheme for its weight.
  func quantizes(_ placed: PlacedBlock) -> Bool {
    placed.block.linearLayers.contains { layers["\(placed.name).\($0.name)"]?.weights != nil }
  }
}
