import Checkpoints
package import Verification

extension [TensorInfo] {
  /// The tensors as the verifier is told of them before they are written, by name.
  package var planned: [String: VerificationReport.PlannedTensor] {
    reduce(into: [:]) { $0[$1.name] = .init(dtype: $1.dtype.safetensorsTag, shape: $1.shape) }
  }
}
