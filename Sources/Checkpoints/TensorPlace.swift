package import Tensors

/// Where the numbers of a tensor are in a checkpoint: a tensor of their own, or one of several in a stack.
package struct TensorPlace: Hashable, Sendable, CustomStringConvertible {
  /// The name of the tensor in files.
  package var tensor: String
  /// Which slice along the first dimension; nil: the tensor is theirs alone.
  package var index: Int?

  package init(tensor: String, index: Int? = nil) { (self.tensor, self.index) = (tensor, index) }

  /// What journals call it: `experts.up_proj.weight[3]`.
  package var description: String { index.map { "\(tensor)[\($0)]" } ?? tensor }

  /// A slice that journals call so; nil for a whole tensor.
  init?(slice text: String) {
    guard text.hasSuffix("]"), let start = text.lastIndex(of: "["),
      let index = Int(text[text.index(after: start)...].dropLast()), index >= 0
    else { return nil }
    self.init(tensor: String(text[..<start]), index: index)
  }

  /// Whether a tensor in files has such a slice.
  package func isIn(_ info: TensorInfo) -> Bool {
    index.map { $0 >= 0 && $0 < info.shape.first ?? 0 } ?? true
  }

  /// What is there of the tensor in files, with this slice in it.
  package func slice(of tensor: Tensor) -> Tensor {
    guard let index else { return tensor }
    return tensor.slice(index..<index + 1).reshaped(Array(tensor.shape.dropFirst()))
  }
}
