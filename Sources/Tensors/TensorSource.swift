/// Something that has tensors by name: a checkpoint's files, or a quantized checkpoint read as numbers.
public protocol TensorSource {
  /// Whether there is a tensor of this name.
  func contains(_ name: String) -> Bool

  /// The tensor of this name and shape, of a floating-point type of at least 16 bits.
  ///
  /// - Throws: An error that names the file, the tensor and the shapes if it is missing or other.
  func tensor(_ name: String, shape: [Int]) throws -> Tensor

  /// One slice along the first dimension of the tensor of this name and shape.
  ///
  /// - Throws: What ``tensor(_:shape:)`` throws.
  func tensor(_ name: String, shape: [Int], member: Int) throws -> Tensor

  /// Whether the weight of a linear layer is there under this name with a row for each output, whatever the model's
  /// family does: as a quantized one is.
  func hasRowForEachOutput(_ weight: String) -> Bool
}

extension TensorSource {
  /// The slice of the whole tensor.
  public func tensor(_ name: String, shape: [Int], member: Int) throws -> Tensor {
    try tensor(name, shape: shape).slice(member..<member + 1).reshaped(Array(shape.dropFirst()))
  }

  /// No.
  public func hasRowForEachOutput(_ weight: String) -> Bool { false }
}
