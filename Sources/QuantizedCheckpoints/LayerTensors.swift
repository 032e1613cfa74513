package import Diagnostics
package import Tensors

/// The tensors of one layer of a checkpoint, found by the names of its parts.
package struct LayerTensors {
  package let name: String
  let find: (String) throws(InputError) -> Tensor?

  /// A tensor that must be there with one of some types and, if given, a certain shape.
  package func required(
    _ part: String, dtypes: [DType], shape: [Int]? = nil
  ) throws(InputError) -> Tensor {
    guard let tensor = try find("\(name).\(part)") else {
      throw InputError(.missing, place: "\(name).\(part)", "there is no such tensor")
    }
    guard dtypes.contains(tensor.dtype), shape.map({ $0 == tensor.shape }) ?? true else {
      let names = dtypes.map(\.rawValue).joined(separator: " or ")
      throw malformed(part, tensor, "\(names) \(shape.map { "\($0)" } ?? "")")
    }
    return tensor
  }

  /// Rows and columns of a matrix that must be there, not empty.
  package func sizeOfMatrix(
    _ part: String, dtype: DType
  ) throws(InputError) -> (rows: Int, columns: Int) {
    let tensor = try required(part, dtypes: [dtype])
    guard tensor.shape.count == 2, tensor.count > 0 else {
      throw malformed(part, tensor, "\(dtype.rawValue) with rows and columns")
    }
    return (tensor.shape[0], tensor.shape[1])
  }

  private func malformed(
    _ part: String, _ found: Tensor, _ expected: String
  ) -> InputError {
    InputError(
      .malformed, place: "\(name).\(part)",
      "found \(found.dtype.rawValue) \(found.shape), expected \(expected)")
  }
}
