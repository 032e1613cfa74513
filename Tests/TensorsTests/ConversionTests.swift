import Tensors
import TestSupport
import Testing

@Suite struct ConversionTests {
  @Test(arguments: [DType.bfloat16, .float16])
  func everyHalfSurvivesTheWayThroughF32(dtype: DType) {
    let all = Tensor((0...UInt16.max).map { $0 }, shape: [65_536], dtype: dtype)
    let wide = all.floats()
    let back = all.converted(to: .float32).converted(to: dtype)
    let narrow = back.elements(as: UInt16.self)
    let differing = wide.indices.filter { !wide[$0].isNaN && narrow[$0] != UInt16($0) }
    #expect(differing.isEmpty)
    #expect(zip(wide, back.floats()).everySatisfies { $0.isNaN == $1.isNaN })
  }

  @Test(arguments: [UInt64(1), 2, 3])
  func f16AgreesWithTheLanguageForRandomBitPatterns(seed: UInt64) {
    var generator = SeededGenerator(seed: seed)
    let values = (0..<100_000).map { _ in
      Float(bitPattern: UInt32(truncatingIfNeeded: generator.next()))
    }
    let narrow = Tensor(values, shape: [values.count]).converted(to: .float16)
    let differing = zip(values, narrow.elements(as: Float16.self)).filter { value, half in
      value.isNaN ? !half.isNaN : half != Float16(value)
    }
    #expect(differing.isEmpty)
  }

  /// bf16 is the upper half of f32: compare with the two candidates around each value.
  @Test func bf16TakesTheNearerNeighbourAndTheEvenOneOnTies() {
    var generator = SeededGenerator(seed: 4)
    var patterns = (0..<100_000).map { _ in UInt32(truncatingIfNeeded: generator.next()) }
    for upper: UInt32 in [0, 1, 0x3F80, 0x3F81, 0x7F7F, 0x8000, 0xBF81] {
      patterns += [0x7FFF, 0x8000, 0x8001, 0xFFFF].map { upper << 16 | $0 }
    }
    let values = patterns.map(Float.init(bitPattern:)).filter { !$0.isNaN }
    let narrow = Tensor(values, shape: [values.count]).converted(to: .bfloat16)
    let differing = zip(values, narrow.elements(as: UInt16.self)).filter { value, found in
      let (upper, lower) = (value.bitPattern >> 16, value.bitPattern & 0xFFFF)
      let up = lower > 0x8000 || (lower == 0x8000 && upper & 1 == 1)
      return UInt32(found) != upper + (up ? 1 : 0)
    }
    #expect(differing.isEmpty)
  }

  @Test func doublesRoundOnTheWayInAndAreExactOnTheWayOut() {
    let tensor = Tensor([0.1, -2.5, 1e300, .nan], shape: [4], dtype: .float64)
    let floats = tensor.floats()
    #expect(floats[0] == 0.1 && floats[1] == -2.5 && floats[2] == .infinity && floats[3].isNaN)
    let back = Tensor([0.1, -2.5], shape: [2]).converted(to: .float64)
    #expect(back.elements(as: Double.self) == [Double(Float(0.1)), -2.5])
  }

  @Test(arguments: DType.allCases.filter(\.isFloatingPoint))
  func emptyTensorsConvert(dtype: DType) {
    let empty = Tensor(zeros: [3, 0], dtype: dtype)
    #expect(empty.floats().isEmpty)
    #expect(empty.converted(to: .bfloat16).shape == [3, 0])
    #expect(Tensor([Float](), shape: [0]).converted(to: dtype).byteCount == 0)
  }
}
