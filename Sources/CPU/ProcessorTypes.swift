package import CKernels
import Compute
package import MatrixProducts
public import Recordings

// What the processor at hand makes of the types of programs.

extension ComputeType {
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

  package var element: ck_element { self == .bfloat16 ? CK_BF16 : CK_F32 }
  /// This type in a product.
  package var product: ProductElement { self == .bfloat16 ? .bfloat16 : .float32 }
}

extension GradientPrecision {
  /// What is used unless something is asked for: ``int8`` beside bf16, whose own rounding is of the same
  /// kind; ``full`` beside f32, and for small blocks on processors with tiles (AMX). There bf16 is so fast
  /// that the passes which round to integers, whose time follows the width of a block, take longer than the
  /// products, whose time follows its square, save.
  ///
  /// It is decided by figures taken once, never by a measurement within a run, so that a command writes the
  /// same bytes on all processors of a kind.
  package static func automatic(
    for compute: ComputeType, hiddenSize: Int, hasTiles: Bool = MatrixLibrary.hasTiles
  ) -> GradientPrecision {
    guard compute == .bfloat16 else { return .full }
    return hasTiles && hiddenSize < leastHiddenSizeOnTiles ? .full : .int8
  }

  /// Two cores of an Intel processor with AMX: a step of the example block (hidden size 256, 4,096 tokens) takes
  /// 60 ms in full and 65 in int8, one of Qwen3-0.6B (1,024) 0.88 s and 0.74 to 0.78. A gain of the form
  /// `a - b / size` through both is zero at 355; two cores of Zen 4 and 5 gain at both sizes.
  private static let leastHiddenSizeOnTiles = 384

  /// Whether the processor multiplies such numbers in hardware, without saturating sums on the way.
  public var isAvailable: Bool { self == .full || ComputeType.bfloat16.isAvailable }
}
