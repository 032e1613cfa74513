package import Tensors

/// A tensor of a checkpoint that is not there yet: what a file's header says of it.
package struct PlannedTensor: Sendable, Equatable {
  package let name: String
  package let dtype: DType
  package let shape: [Int]

  package init(name: String, dtype: DType, shape: [Int]) {
    self.name = name
    self.dtype = dtype
    self.shape = shape
  }
}
