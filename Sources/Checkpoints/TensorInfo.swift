import Diagnostics
public import Tensors

/// What a checkpoint says about a tensor without reading its elements.
public struct TensorInfo: Sendable, Equatable {
  /// The tensor's name, such as `model.layers.0.mlp.up_proj.weight`.
  public var name: String
  /// The type of every element.
  public var dtype: DType
  /// Extent of each dimension, outermost first.
  public var shape: [Int]

  /// Elements, of a shape whose size was checked.
  package var count: Int { shape.reduce(1, *) }
  /// Bytes of all elements, of a shape whose size was checked.
  package var byteCount: Int { shape.reduce(dtype.byteCount, *) }

  /// Creates a description of a tensor.
  public init(name: String, dtype: DType, shape: [Int]) {
    self.name = name
    self.dtype = dtype
    self.shape = shape
  }
}

/// `tensor 'name'`, for the place of an error: on one line and of bounded length, whatever bytes
/// a file has for a name.
func place(ofTensor name: String) -> String { "tensor \(quoted(name))" }
