import Tensors
import Testing

@Suite struct ConversionTests {
  @Test(arguments: [DType.bfloat16, .float16])
  func everyHalfSurvivesTheWayThroughF32(dtype: DType) {
    let all = Tensor((0...UInt16.max).map { $0 }, shape: [65_536], dtype: dtype)
    let back = all.converted(to: .float32).converted(to: dtype).elements(as: UInt16.self)
    let wide = all.floats()
    for (index, bits) in back.enumerated() where !wide[index].isNaN {
      #expect(bits == UInt16(index))
    }
    #expect(zip(back, wide).allSatisfy { bits, value in !value.isNaN || Tensor([bits], shape: [], dtype: dtype).floats()[0].isNaN })
  }

  @Test func f16AgreesWithSwift() {
    var generator = SystemRandomNumberGenerator()
    let values = (0..<100_000).map { _ in Float(bitPattern: UInt32.random(in: 0...UInt32.max, using: &generator)) }
    let narrow = Tensor(values, shape: [values.count]).converted(to: .float16).elements(as: Float16.self)
    for (value, half) in zip(values, narrow) where !value.isNaN { #expect(half == Float16(value)) }
  }

  @Test func writingASharedTensorLeavesTheOtherAlone() {
    let first = Tensor([1, 2, 3, 4], shape: [2, 2])
    var second = first
    second.withUnsafeMutableBytes { $0.storeBytes(of: Float(9), as: Float.self) }
    #expect(first.floats() == [1, 2, 3, 4])
    #expect(second.slice(0..<1).floats() == [9, 2])
  }
}
