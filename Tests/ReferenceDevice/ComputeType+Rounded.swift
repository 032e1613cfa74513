package import Recordings
import Tensors

extension ComputeType {
  /// The numbers nearest to `floats` that this type has.
  package func rounded(_ floats: [Float]) -> [Float] {
    Tensor(floats, shape: [floats.count]).converted(to: dtype).floats()
  }
}
