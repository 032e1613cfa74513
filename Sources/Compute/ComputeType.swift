package import CKernels
package import MatrixProducts
package import Tensors

/// The type of activations and weights inside a program. Statistics and sums are always f32.
public enum ComputeType: String, Sendable, CaseIterable {
  case bfloat16 = "bf16"
  case float32 = "f32"

  /// bf16 where the processor multiplies it in hardware, else f32.
  public static var automatic: ComputeType {
    ComputeType.bfloat16.isAvailable ? .bfloat16 : .float32
  }

  /// Whether the processor multiplies this type in hardware.
  public var isAvailable: Bool {
    self == .float32 || ck_isa_available() == CK_ISA_AVX512
  }

  /// The types that the processor multiplies in hardware.
  public static var available: [ComputeType] { allCases.filter(\.isAvailable) }

  package var dtype: DType { self == .bfloat16 ? .bfloat16 : .float32 }
  package var byteCount: Int { dtype.byteCount }
  package var element: ck_element { self == .bfloat16 ? CK_BF16 : CK_F32 }
  /// This type in a product.
  package var product: ProductElement { self == .bfloat16 ? .bfloat16 : .float32 }
}
