import CKernels
import TestSupport
import Testing

/// The conversions against Swift's own types; the ways there and back are tested with Tensors.
@Suite struct CastTests {
  private static let all = (0...UInt16.max).map { $0 }

  @Test func everyBFloat16IsTheUpperHalfOfAFloat() {
    var wide = [Float](repeating: 0, count: Self.all.count)
    ck_bf16_to_f32(Self.all, &wide, wide.count)
    #expect(wide.map(\.bitPattern) == Self.all.map { UInt32($0) << 16 })
    var narrow = [UInt16](repeating: 0, count: wide.count)
    ck_f32_to_bf16(wide, &narrow, wide.count)
    let quieted = zip(Self.all, wide).map { $1.isNaN ? $0 | 0x40 : $0 }
    #expect(narrow == quieted)
  }

  @Test func everyFloat16IsTheLanguages() {
    var wide = [Float](repeating: 0, count: Self.all.count)
    ck_f16_to_f32(Self.all, &wide, wide.count)
    let differing = Self.all.filter {
      let (found, expected) = (wide[Int($0)], Float(Float16(bitPattern: $0)))
      return expected.isNaN ? !found.isNaN : found.bitPattern != expected.bitPattern
    }
    #expect(differing.isEmpty)
    var narrow = [UInt16](repeating: 0, count: wide.count)
    ck_f32_to_f16(wide, &narrow, wide.count)
    let changed = Self.all.filter {
      wide[Int($0)].isNaN ? !Float16(bitPattern: narrow[Int($0)]).isNaN : narrow[Int($0)] != $0
    }
    #expect(changed.isEmpty)
  }

  /// Random bit patterns, and the neighbours of every border between two f16 numbers.
  @Test func floatsRoundToFloat16AsTheLanguageRounds() {
    var generator = SeededGenerator(seed: 10)
    var values = (0..<300_000).map { _ in
      Float(bitPattern: UInt32(truncatingIfNeeded: generator.next()))
    }
    for pattern in UInt16(0)..<0x7C00 {
      let low = Float(Float16(bitPattern: pattern))
      let high = pattern == 0x7BFF ? 65_536 : Float(Float16(bitPattern: pattern + 1))
      let middle = (low + high) / 2
      values += [middle.nextDown, middle, middle.nextUp, -middle]
    }
    var narrow = [UInt16](repeating: 0, count: values.count)
    ck_f32_to_f16(values, &narrow, values.count)
    let differing = zip(values, narrow).filter {
      let (found, expected) = (Float16(bitPattern: $1), Float16($0))
      return expected.isNaN ? !found.isNaN : found.bitPattern != expected.bitPattern
    }
    #expect(differing.isEmpty)
  }

  /// Nothing is written behind the last element, whatever part of a vector it is in.
  @Test(arguments: [0] + RowKernelTests.widths) func onlyAsManyAsAsked(count: Int) {
    var generator = SeededGenerator(seed: UInt64(count))
    let x = generator.normal(count + 40)
    let doubles = x.map { Double($0) / 3 }
    var halves = [UInt16](repeating: 0x1234, count: count + 40)
    var floats = [Float](repeating: 7, count: count + 40)
    ck_f64_to_f32(doubles, &floats, count)
    #expect(Array(floats[..<count]) == doubles[..<count].map { Float($0) })
    #expect(floats[count...].everySatisfies { $0 == 7 })
    ck_f32_to_f16(x, &halves, count)
    #expect(halves[..<count].elementsEqual(x[..<count].map { Float16($0).bitPattern }))
    #expect(halves[count...].everySatisfies { $0 == 0x1234 })
    floats = floats.map { _ in 7 }
    ck_f16_to_f32(halves, &floats, count)
    #expect(floats[..<count].elementsEqual(halves[..<count].map { Float(Float16(bitPattern: $0)) }))
    #expect(floats[count...].everySatisfies { $0 == 7 })
    ck_f32_to_bf16(x, &halves, count)
    #expect(halves[count...].everySatisfies { $0 == 0x1234 })
    floats = floats.map { _ in 7 }
    ck_bf16_to_f32(halves, &floats, count)
    #expect(
      count == 0 || zip(x[..<count], floats).everySatisfies { abs($0 - $1) <= 0x1p-8 * abs($0) })
    #expect(floats[count...].everySatisfies { $0 == 7 })
  }
}
