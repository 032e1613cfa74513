package import Compute
package import Recordings
import Tensors

extension DeviceRange {
  /// The next `count` numbers.
  package func numbers(_ count: Int, _ type: ComputeType) -> [Float] {
    var tensor = Tensor(zeros: [count], dtype: type.dtype)
    tensor.withUnsafeMutableBytes { download(into: $0) }
    return tensor.floats()
  }

  /// Stores the numbers nearest to `numbers`.
  package func write(_ numbers: [Float], _ type: ComputeType) {
    Tensor(numbers, shape: [numbers.count]).converted(to: type.dtype).withUnsafeBytes { upload($0) }
  }
}
