import Diagnostics
import Tensors

/// The tensors of one layer of a checkpoint, found by what their names end with.
struct LayerTensors {
  let name: String
  let find: (String) throws(InputError) -> Tensor?

  /// A tensor that must be there with one of some types and, if given, a certain shape.
  func required(
    _ suffix: TensorSuffix, dtypes: [DType], shape: [Int]? = nil
  ) throws(InputError) -> Tensor {
    guard let tensor = try find(suffix.name(of: name)) else {
      throw InputError(.missing, place: suffix.name(of: name), "there is no such tensor")
    }
    guard dtypes.contains(tensor.dtype), shape.map({ $0 == tensor.shape }) ?? true else {
      let names = dtypes.map(\.rawValue).joined(separator: " or ")
      throw malformed(suffix, tensor, "\(names) \(shape.map { "\($0)" } ?? "")")
    }
    return tensor
  }

  /// Rows and columns of a matrix that must be there, not empty.
  func sizeOfMatrix(
    _ suffix: TensorSuffix, dtype: DType
  ) throws(InputError) -> (rows: Int, columns: Int) {
    let tensor = try required(suffix, dtypes: [dtype])
    guard tensor.shape.count == 2, tensor.count > 0 else {
      throw malformed(suffix, tensor, "\(dtype.rawValue) with rows and columns")
    }
    return (tensor.shape[0], tensor.shape[1])
  }

  private func malformed(
    _ suffix: TensorSuffix, _ found: Tensor, _ expected: String
  ) -> InputError {
    InputError(
      .malformed, place: suffix.name(of: name),
      "found \(found.dtype.rawValue) \(found.shape), expected \(expected)")
  }
}
