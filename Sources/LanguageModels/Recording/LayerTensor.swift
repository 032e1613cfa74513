package import Tensors

/// The weight or the bias of a linear layer: what it is called where it is a tensor of its own, and where a model's files
/// have its numbers.
package struct LayerTensor: Hashable, Sendable {
  /// The layer's full name.
  package var layer: String
  /// `<layer>.weight` or `<layer>.bias`.
  package var name: String
  /// `[outputs, inputs]`, or `[outputs]` for a bias.
  package var shape: [Int]
  /// By the tensor's full name.
  package var stored: StoredMatrix

  package init(layer: String, name: String, shape: [Int], stored: StoredMatrix) {
    (self.layer, self.name, self.shape, self.stored) = (layer, name, shape, stored)
  }

  /// Whether files have it as a tensor of its own, with a row for each output.
  package var isApart: Bool { stored == StoredMatrix(name) }

  /// Reads it; see ``StoredMatrix/read(_:in:from:)``.
  package func read(from source: any TensorSource) throws -> Tensor {
    try stored.read(shape, in: "", from: source)
  }
}

extension LayerSlot {
  /// Weight and bias of the layer in the block of this name.
  package func tensors(in block: String) -> [LayerTensor] {
    func tensor(_ end: String, _ shape: [Int], _ stored: StoredMatrix) -> LayerTensor {
      var stored = stored
      stored.tensor = StoredMatrix.fullName(stored.tensor, in: block)
      let layer = StoredMatrix.fullName(name, in: block)
      return LayerTensor(layer: layer, name: "\(layer).\(end)", shape: shape, stored: stored)
    }
    return [tensor("weight", [outputs, inputs], weight)]
      + [bias.map { tensor("bias", [outputs], $0) }].compactMap(\.self)
  }
}

extension ModelDescription {
  /// Weights and biases of all linear layers, the head among them, as the family has them.
  package var layerTensors: [LayerTensor] {
    ofBlocks(\.linearLayers).flatMap { name, layers in layers.flatMap { $0.tensors(in: name) } }
      + end.head.tensors(in: "")
  }

  /// The same where `source` has them.
  package func layerTensors(in source: any TensorSource) -> [LayerTensor] {
    layerTensors.map { tensor in
      var tensor = tensor
      tensor.stored = tensor.stored.found(as: tensor.name, in: "", source)
      return tensor
    }
  }
}

/// A source in which every linear layer has a weight and a bias of its own, wherever the numbers lie.
package struct LayerwiseSource: TensorSource {
  private let source: any TensorSource
  private let layers: [String: LayerTensor]

  /// - Parameter layers: Where `source` has them.
  package init(_ source: any TensorSource, layers: [LayerTensor]) {
    self.source = source
    self.layers = Dictionary(
      layers.filter { !$0.isApart }.map { ($0.name, $0) }, uniquingKeysWith: { first, _ in first })
  }

  package func contains(_ name: String) -> Bool {
    source.contains(layers[name]?.stored.tensor ?? name)
  }

  package func tensor(_ name: String, shape: [Int]) throws -> Tensor {
    guard let layer = layers[name] else { return try source.tensor(name, shape: shape) }
    return try layer.stored.read(shape, in: "", from: source)
  }

  package func hasRowForEachOutput(_ weight: String) -> Bool {
    layers[weight] != nil || source.hasRowForEachOutput(weight)
  }
}
