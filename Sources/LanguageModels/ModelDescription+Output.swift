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
    let shape = [vocabularySize, hiddenSize]
    let headName = isTied && !source.contains(head) ? embedding : head
    return OutputProjection(
      norm: try source.tensor(norm, shape: [hiddenSize]), epsilon: normEpsilon,
      head: try source.tensor(headName, shape: shape), inputs: inputs, device: device)
  }
}
