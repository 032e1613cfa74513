import Diagnostics
import Quantization
import Tensors

/// The tensors of one layer of a checkpoint, found by what their names end with.
struct LayerTensors {
  let name: String
  let find: (String) throws(InputError) -> Tensor?

  /// A tensor that must be there with one of some types and, if given, a certain shape.
  func required(
    _ suffix: String, dtypes: [DType], shape: [Int]? = nil
  ) throws(InputError) -> Tensor {
    guard let tensor = try find("\(name).\(suffix)") else {
      throw InputError(.missing, place: "\(name).\(suffix)", "there is no such tensor")
    }
    guard dtypes.contains(tensor.dtype), shape.map({ $0 == tensor.shape }) ?? true else {
      throw malformed(suffix, tensor, "\(Self.names(dtypes)) \(shape.map { "\($0)" } ?? "")")
    }
    return tensor
  }

  /// A matrix that must be there, not empty.
  func requiredMatrix(
    _ suffix: String, dtypes: [DType]
  ) throws(InputError) -> (tensor: Tensor, rows: Int, columns: Int) {
    let tensor = try required(suffix, dtypes: dtypes)
    guard tensor.shape.count == 2, tensor.count > 0 else {
      throw malformed(suffix, tensor, "\(Self.names(dtypes)) with rows and columns")
    }
    return (tensor, tensor.shape[0], tensor.shape[1])
  }

  /// Floating-point numbers that must be there, all finite.
  func requiredNumbers(_ suffix: String, shape: [Int]) throws(InputError) -> (
    numbers: [Float], dtype: DType
  ) {
    let tensor = try required(suffix, dtypes: DType.ofWeights, shape: shape)
    let numbers = tensor.floats()
    guard numbers.allSatisfy(\.isFinite) else {
      throw InputError(.notFinite, place: "\(name).\(suffix)", "a number is infinite or NaN")
    }
    return (numbers, tensor.dtype)
  }

  /// e4m3 numbers as their bits, none of them NaN.
  func requireNumbers(_ codes: Tensor, _ suffix: String) throws(InputError) {
    // Without an early end, so that many are looked at together.
    let largest = codes.withUnsafeBytes { $0.reduce(0) { max($0, $1 & 0x7F) } }
    guard largest < 0x7F else {
      throw InputError(.notFinite, place: "\(name).\(suffix)", "a number is NaN")
    }
  }

  private func malformed(_ suffix: String, _ found: Tensor, _ expected: String) -> InputError {
    InputError(
      .malformed, place: "\(name).\(suffix)",
      "found \(found.dtype.rawValue) \(found.shape), expected \(expected)")
  }

  private static func names(_ dtypes: [DType]) -> String {
    dtypes.map(\.rawValue).joined(separator: " or ")
  }
}
