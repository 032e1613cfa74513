package import Compute
package import Tensors

extension ModelDescription {
  /// The end of the model, with the embedding as the head where the two are tied and the checkpoint has
  /// no head of its own.
  ///
  /// - Parameter inputs: How the head's inputs are quantized; nil leaves them as they are.
  package func outputProjection(
    from source: any TensorSource,
    inputs: (quantization: ActivationQuantization, scale: Float)? = nil, device: CPUDevice
  ) throws -> OutputProjection {
    let end = end.found(in: source)
    return OutputProjection(
      norm: try StoredMatrix("\(end.norm.name).weight").read([hiddenSize], in: "", from: source),
      epsilon: end.norm.epsilon, head: try end.head.readWeight(in: "", from: source),
      inputs: inputs, device: device)
  }
}
