package import Tensors

/// The type of activations and weights inside a program. Statistics and sums are always f32.
public enum ComputeType: String, Sendable, CaseIterable {
  case bfloat16 = "bf16"
  case float32 = "f32"

  package var dtype: DType { self == .bfloat16 ? .bfloat16 : .float32 }
  package var byteCount: Int { dtype.byteCount }
}
