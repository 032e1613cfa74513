import CKernels
import CPU
import Compute
import Diagnostics
import MatrixProducts
import Recordings
import Tensors
import TestSupport
import Testing

@Suite struct ComputeTypeTests {
  @Test func namesSizesAndKinds() {
    #expect(ComputeType.allCases.map(\.rawValue) == ["bf16", "f32"])
    #expect(ComputeType.bfloat16.dtype == .bfloat16 && ComputeType.float32.dtype == .float32)
    #expect(ComputeType.bfloat16.byteCount == 2 && ComputeType.float32.byteCount == 4)
    #expect(ComputeType.bfloat16.element == CK_BF16 && ComputeType.float32.element == CK_F32)
    #expect(ComputeType(rawValue: "f16") == nil)
  }

  @Test func whatIsAvailableCanBePrepared() throws {
    #expect(ComputeType.available.contains(.float32))
    #expect(ComputeType.available.contains(ComputeType.automatic))
    for compute in ComputeType.available {
      let device = try CPUDevice(compute: compute)
      _ = try device.product(
        ProductShape(m: 2, n: 2, k: 2, input: compute.product, output: compute.product))
    }
  }

  @Test(.enabled(if: !ComputeType.bfloat16.isAvailable))
  func aTypeThatTheProcessorDoesNotMultiplyIsRefused() {
    expectInputError(.unsupported, mentioning: ["compute", "bf16"]) {
      _ = try CPUDevice(compute: .bfloat16)
    }
  }
}
