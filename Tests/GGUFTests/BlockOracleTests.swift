import Checkpoints
import Diagnostics
import Foundation
import GGUF
import Quantization
import Tensors
import TestSupport
import Testing
import WeightBlocks

/// Blocks as the gguf package reads and writes them: `Tests/Fixtures/quant/gguf_blocks.safetensors`.
@Suite struct BlockOracleTests {
  static let types = GGUFTensorType.allCases.filter { !$0.isPlain }
  let file: SafetensorsFile

  init() throws {
    file = try SafetensorsFile(
      opening: Fixtures.folder.appending(path: "quant/gguf_blocks.safetensors"))
  }

  /// Random bytes, so that all bits count; the numbers have the same bits.
  @Test(arguments: types) func numbersOfBlocks(type: GGUFTensorType) throws {
    let stored = try file.tensor("\(type.name).blocks")
    #expect(stored.shape == [4, 512 / type.blockSize * type.blockByteCount])
    let numbers = type.numbers(stored)
    #expect(numbers.shape == [4, 512])
    expectIdentical(numbers, try file.tensor("\(type.name).numbers"), type.name)
  }

  /// What was read is written with the same bytes.
  @Test(arguments: types) func blocksReadBack(type: GGUFTensorType) throws {
    let stored = try file.tensor("\(type.name).blocks")
    switch type.storage {
    case .plain: Issue.record("\(type) has no blocks")
    case .blocks(.scaleBlocks(let blocks)):
      expectIdentical(ScaleBlockWeight(bytes: stored, type: blocks).bytes, stored, type.name)
    case .blocks(.superBlocks(let blocks)):
      expectIdentical(KQuantizedWeight(bytes: stored, type: blocks).bytes, stored, type.name)
    }
  }

  /// Numbers that are none are found without decoding blocks: with the bits of infinity at every place of one.
  @Test(arguments: types) func numbersThatAreNone(type: GGUFTensorType) throws {
    let stored = try file.tensor("\(type.name).blocks")
    let finite = stored.elements(as: UInt8.self)
    #expect(type.firstNonFinite(in: stored) == nil)
    let start = 5 * type.blockByteCount
    var found = 0
    for offset in 0..<type.blockByteCount - 1 {
      var bytes = finite
      (bytes[start + offset], bytes[start + offset + 1]) = (0, 0x7C)
      let changed = Tensor(bytes: bytes, shape: stored.shape, dtype: .uint8)
      let expected = type.numbers(changed).floats().firstIndex { !$0.isFinite }
      #expect(type.firstNonFinite(in: changed) == expected, "byte \(offset)")
      if expected == 5 * type.blockSize { found += 1 }
    }
    #expect(found >= (type.blocks?.isAsymmetric == true ? 2 : 1))
  }

  @Test func plainNumbersThatAreNone() {
    let numbers = Tensor([1, -2, .infinity, .nan], shape: [2, 2])
    for type in [GGUFTensorType.f32, .f16, .bf16, .f64] {
      guard case .plain(let dtype) = type.storage else { continue }
      #expect(type.firstNonFinite(in: numbers.converted(to: dtype)) == 2, "\(type)")
    }
    #expect(GGUFTensorType.i16.firstNonFinite(in: Tensor(zeros: [4], dtype: .int16)) == nil)
  }

  /// The reference quantizers, byte for byte: zeros, one sign alone, halves between codes, scales below f16's range.
  @Test(arguments: ScaleBlockType.allCases) func rounding(type: ScaleBlockType) throws {
    let weight = try file.tensor("in.weight")
    let expected = try file.tensor("\(type.rawValue).rounded")
    expectIdentical(try GGUFTensorType(type).rounded(weight), expected, type.rawValue)
  }

  /// Every code at every place: nothing is lost, and no two places share bits.
  @Test(arguments: types) func everyCodeAtEveryPlace(type: GGUFTensorType) throws {
    let size = type.blockSize
    func roundTrip(_ codes: [UInt8], rows: Int) -> (read: [UInt8], bytes: Tensor) {
      switch type.storage {
      case .plain: return ([], Tensor(zeros: [0], dtype: .uint8))
      case .blocks(.scaleBlocks(let blocks)):
        let weight = ScaleBlockWeight(
          type: blocks, rows: rows, columns: size, codes: codes,
          scales: [Float](repeating: 1, count: rows),
          minimums: blocks.isAsymmetric ? [Float](repeating: -0.5, count: rows) : nil)
        let read = ScaleBlockWeight(bytes: weight.bytes, type: blocks)
        #expect(read == weight)
        return (read.codes, weight.bytes)
      case .blocks(.superBlocks(let blocks)):
        let numbers = KQuantSuperBlock(
          scale: 1, minimumScale: 0, scales: .zero, minimums: .zero)
        let weight = KQuantizedWeight(
          type: blocks, rows: rows, columns: size, codes: codes,
          superBlocks: [KQuantSuperBlock](repeating: numbers, count: rows), scaleDType: .float16)
        let read = KQuantizedWeight(bytes: weight.bytes, type: blocks)
        #expect(read == weight)
        return (read.codes, weight.bytes)
      }
    }
    let bitCount = try #require(type.blocks).bitCount
    let greatest = (1 << bitCount) - 1
    // Row by row: one place has a code, all others the one that is opposite to it.
    var codes: [UInt8] = []
    for place in 0..<size {
      for code in 0...greatest {
        var row = [UInt8](repeating: UInt8(greatest - code), count: size)
        row[place] = UInt8(code)
        codes += row
      }
    }
    let rows = size * (greatest + 1)
    let result = roundTrip(codes, rows: rows)
    #expect(result.read == codes)
    #expect(result.bytes.shape == [rows, type.blockByteCount])
  }

  /// Every scale and minimum of every sub-block.
  @Test(arguments: KQuantType.allCases) func everyScaleOfEverySubBlock(type: KQuantType) {
    var blocks: [KQuantSuperBlock] = []
    let leasts = type.scaleRange.lowerBound
    let minimums = type.isAsymmetric ? 0...type.scaleRange.upperBound : 0...0
    for subBlock in 0..<type.subBlockCount {
      for scale in type.scaleRange {
        var block = KQuantSuperBlock(scale: 0.5, minimumScale: 0, scales: .zero, minimums: .zero)
        for other in 0..<type.subBlockCount { block.scales[other] = Int8(leasts) }
        block.scales[subBlock] = Int8(scale)
        blocks.append(block)
      }
      for minimum in minimums where type.isAsymmetric {
        var block = KQuantSuperBlock(scale: 0, minimumScale: 2, scales: .zero, minimums: .zero)
        for other in 0..<type.subBlockCount {
          block.minimums[other] = Int8(minimums.upperBound - minimum)
          block.scales[other] = Int8(minimum)
        }
        block.minimums[subBlock] = Int8(minimum)
        blocks.append(block)
      }
    }
    let weight = KQuantizedWeight(
      type: type, rows: blocks.count, columns: 256,
      codes: [UInt8](repeating: 1, count: 256 * blocks.count), superBlocks: blocks,
      scaleDType: .float16)
    #expect(KQuantizedWeight(bytes: weight.bytes, type: type) == weight)
    #expect(blocks.count >= 16 * type.subBlockCount)
  }

  /// K-quants of KQuants, through bytes.
  @Test(arguments: KQuantType.allCases) func searchedWeights(type: KQuantType) throws {
    let weight = try file.tensor("in.weight")
    let rounded = try KQuantizedWeight(weight, type: type)
    let stored = try GGUFTensorType(type).rounded(weight)
    expectIdentical(
      GGUFTensorType(type).numbers(stored), rounded.dequantized(to: .float32), type.rawValue)
  }

  /// More rows than are rounded or read at once, the last ones fewer.
  @Test(arguments: [GGUFTensorType.q41, .q80]) func manyRows(type: GGUFTensorType) throws {
    let weight = try file.tensor("in.weight")
    let count = (1 << 22) / 256 / 6 + 2
    let elements = weight.elements(as: Float.self)
    let many = Tensor(filling: [6 * count, 256], dtype: .float32) { target in
      elements.withUnsafeBytes { source in
        for index in 0..<count {
          UnsafeMutableRawBufferPointer(
            rebasing: target[index * source.count..<(index + 1) * source.count]
          ).copyMemory(from: source)
        }
      }
    }
    let (one, all) = try (type.rounded(weight), type.rounded(many))
    let (oneNumbers, numbers) = (type.numbers(one), type.numbers(all))
    #expect(numbers.shape == [6 * count, 256])
    for index in [0, count - 3, count - 2, count - 1] {
      expectIdentical(all.slice(6 * index..<6 * index + 6), one, "copy \(index)")
      expectIdentical(numbers.slice(6 * index..<6 * index + 6), oneNumbers, "copy \(index)")
    }
    var damaged = many
    damaged.withUnsafeMutableBytes {
      $0.storeBytes(of: Float.nan, toByteOffset: 4 * 256 * 16_388, as: Float.self)
    }
    expectInputError(.notFinite, mentioning: ["rows from 16384", "row 4 "]) {
      try type.rounded(damaged)
    }
  }

  @Test func stacksKeepTheirShape() throws {
    let weight = try file.tensor("in.weight").reshaped([2, 3, 256])
    for type in Self.types {
      let stored = try type.rounded(weight)
      #expect(stored.shape == [2, 3, 256 / type.blockSize * type.blockByteCount])
      #expect(type.numbers(stored).shape == [2, 3, 256])
    }
  }

  @Test func plainNumbers() throws {
    let weight = Tensor([1, -0.5, 65504, 1e-8] as [Float], shape: [2, 2])
    expectIdentical(try GGUFTensorType.f32.rounded(weight), weight)
    expectIdentical(try GGUFTensorType.bf16.rounded(weight), weight.converted(to: .bfloat16))
    expectIdentical(try GGUFTensorType.f16.rounded(weight), weight.converted(to: .float16))
    expectInputError(.notFinite, mentioning: ["f16"]) {
      try GGUFTensorType.f16.rounded(Tensor([65520] as [Float], shape: [1]))
    }
    expectInputError(.unsupported, mentioning: ["i32"]) { try GGUFTensorType.i32.rounded(weight) }
    expectInputError(.unsupported, mentioning: ["rows and columns"]) {
      try GGUFTensorType.q80.rounded(Tensor(zeros: [32], dtype: .float32))
    }
    expectInputError(.unsupported, mentioning: ["multiple of 256"]) {
      try GGUFTensorType.q4K.rounded(Tensor(zeros: [2, 128], dtype: .float32))
    }
  }
}
