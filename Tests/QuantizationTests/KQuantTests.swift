import Checkpoints
import Diagnostics
import Foundation
import Quantization
import Tensors
import TestSupport
import Testing
import WeightBlocks

/// Compares k-quants with the reference's results, and integers with the weights they stand for.
@Suite struct KQuantOracleTests {
  let file: SafetensorsFile

  init() throws {
    file = try SafetensorsFile(opening: OracleCase.folder.appending(path: "gguf_dq.safetensors"))
  }

  private func rounded(
    _ type: KQuantType, _ importance: String, scaleDType: DType = .float32
  ) throws -> KQuantizedWeight {
    try KQuantizedWeight(
      file.tensor("in.weight"), type: type,
      importance: importance == "none" ? nil : file.tensor("in.imatrix").floats(),
      scaleDType: scaleDType)
  }

  /// Bit for bit, because sums are in the reference's order. Only where errors weigh
  /// `|w| + sqrt(Σw² / 32)` is there a difference: the reference's square root, MKL's, is off by
  /// one unit in the last place for every eighth number, which moves a scale by 2e-6 of it.
  @Test(arguments: KQuantType.allCases, ["none", "imatrix"])
  func matchesReference(type: KQuantType, importance: String) throws {
    let result = try rounded(type, importance)
    let prefix = "\(type.rawValue).\(importance)"
    let hasRoots = importance == "none" && (type == .q4K || type == .q5K)
    let tolerance = hasRoots ? Tolerance(relative: 2e-6) : .exact
    func expected(_ name: String) throws -> [Float] {
      try file.tensor("\(prefix).\(name)").floats()
    }
    expectClose(result.superBlocks.map(\.scale), try expected("d_scale"), tolerance, "d")
    expectClose(result.scales, try expected("scale"), tolerance, "scale")
    if type.isAsymmetric {
      expectClose(
        result.superBlocks.map(\.minimumScale), try expected("d_wmin"), tolerance, "dmin")
      expectClose(try #require(result.minimums), try expected("wmin"), tolerance, "minimum")
    } else {
      #expect(result.minimums == nil)
    }
    let weight = try file.tensor("\(prefix).qdq")
    // A small weight is the difference of a large scale and a large minimum.
    expectClose(
      result.dequantized(to: .float32), weight, hasRoots ? Tolerance(ofLargest: 2e-6) : .exact,
      "weight")
    // The reference gives no codes; they are what its weights are in its scales.
    let scales = try expected("scale").map(Double.init)
    let minimums = type.isAsymmetric ? try expected("wmin").map(Double.init) : nil
    let codes = weight.floats().enumerated().map { index, y in
      let group = index / type.subBlockSize
      let shifted = Double(y) + (minimums?[group] ?? 0)
      return Int((shifted / scales[group]).rounded()) + type.zeroPoint
    }
    #expect(result.codes.map(Int.init) == codes)
  }

  /// The formula of a file's reader, from integers and super-block scales alone.
  @Test(arguments: KQuantType.allCases, [DType.float16, .float32])
  func integersGiveTheWeight(type: KQuantType, scaleDType: DType) throws {
    let result = try rounded(type, "imatrix", scaleDType: scaleDType)
    let weight = result.dequantized(to: .float32).floats()
    #expect(weight.count == 2048)
    for (index, code) in result.codes.enumerated() {
      let block = result.superBlocks[index / 256]
      let subBlock = index % 256 / type.subBlockSize
      let scale = block.scale * Float(block.scales[subBlock])
      let minimum = block.minimumScale * Float(block.minimums[subBlock])
      let y = scale * Float(Int(code) - type.zeroPoint) - minimum
      #expect(weight[index] == y)
    }
  }

  /// What files hold loses less than the reference's numbers, each error weighing what it does in the search.
  @Test(arguments: KQuantType.allCases, ["none", "imatrix"])
  func filesLoseLess(type: KQuantType, importance: String) throws {
    let weight = try file.tensor("in.weight").floats()
    let columns = try file.tensor("in.weight").shape[1]
    let given = try file.tensor("in.imatrix").floats()
    func loss(_ result: KQuantizedWeight) -> Double {
      let found = result.dequantized(to: .float32).floats()
      return stride(from: 0, to: weight.count, by: 256).reduce(0) { sum, first in
        let block = weight[first..<first + 256]
        let mean = block.reduce(0) { $0 + Double($1 * $1) } / 256
        return block.indices.reduce(sum) { sum, index in
          let (w, difference) = (Double(weight[index]), Double(found[index] - weight[index]))
          let own = importance == "none" ? 1 : Double(given[index % columns])
          return sum + own * (1 + w * w / max(mean, 1e-30)).squareRoot() * difference * difference
        }
      }
    }
    let stored = try rounded(type, importance, scaleDType: .float16)
    let reference = try rounded(type, importance)
    #expect(loss(stored) < 0.99 * loss(reference), "\(loss(stored) / loss(reference))")
    for block in stored.superBlocks {
      #expect(block.scale.isExactInHalfPrecision && block.minimumScale.isExactInHalfPrecision)
      #expect(block.minimumScale >= 0)
      for subBlock in 0..<type.subBlockCount {
        #expect(type.scaleRange.contains(Int(block.scales[subBlock])))
        #expect(type.isAsymmetric || block.minimums[subBlock] == 0)
      }
    }
    try expectNearestCodes(stored, weight, "f16")
  }
}

/// Records an issue unless no other code is nearer to any weight, but for what f32 rounds.
func expectNearestCodes(
  _ result: KQuantizedWeight, _ weight: [Float], _ what: String,
  sourceLocation: SourceLocation = #_sourceLocation
) throws {
  let (scales, minimums) = (result.scales, result.minimums)
  for (index, code) in result.codes.enumerated() {
    let group = index / result.type.subBlockSize
    func distance(_ code: Int) -> Double {
      let y = Double(scales[group]) * Double(code - result.type.zeroPoint)
      return abs(y - Double(minimums?[group] ?? 0) - Double(weight[index]))
    }
    let greatest = (1 << result.type.bitCount) - 1
    let nearest = (0...greatest).map(distance).min() ?? 0
    let allowed = nearest + 1e-6 * Double(abs(weight[index]) + (minimums?[group] ?? 0))
    guard Int(code) <= greatest, distance(Int(code)) <= allowed else {
      Issue.record("\(what): element \(index) has code \(code)", sourceLocation: sourceLocation)
      return
    }
  }
}

/// What results depend on, and what they do not.
@Suite struct KQuantTests {
  @Test(arguments: KQuantType.allCases) func importanceMatters(type: KQuantType) throws {
    var generator = SeededGenerator(seed: 11)
    let weight = generator.tensor([16, 512], deviation: 0.05)
    let importance = generator.uniform(512, in: 0...1).map { $0 * $0 * $0 * $0 + 1e-4 }
    func loss(_ result: KQuantizedWeight) -> Double {
      zip(weight.floats(), result.dequantized(to: .float32).floats()).enumerated()
        .reduce(0) { sum, element in
          let difference = Double(element.element.0 - element.element.1)
          return sum + Double(importance[element.offset % 512]) * difference * difference
        }
    }
    let without = try KQuantizedWeight(weight, type: type)
    let with = try KQuantizedWeight(weight, type: type, importance: importance)
    #expect(loss(with) < 0.95 * loss(without), "\(loss(with) / loss(without))")
    // Only how importances compare counts, whether their sums are within f32 or not.
    for exponent in [3, -3, 110, -110] {
      let factor = Float(sign: .plus, exponent: exponent, significand: 1)
      let scaled = importance.map { $0 * factor }
      #expect(try KQuantizedWeight(weight, type: type, importance: scaled) == with)
    }
    let nothing = [Float](repeating: 0, count: 512)
    #expect(try KQuantizedWeight(weight, type: type, importance: nothing) == without)
  }

  /// Few columns without importance get the mean of the others; many make errors weigh what
  /// follows from the elements. All numbers and their sums are exact, so results are the same as
  /// with these given.
  @Test(arguments: KQuantType.allCases) func fillsGapsOfImportance(type: KQuantType) throws {
    let elements = (0..<256).map { index in Float(index * index * 37 % 101) / 8 - 6.0625 }
    let weight = Tensor(elements, shape: [1, 256])
    let size = type.subBlockSize
    let even = [Float](repeating: 2, count: 256)
    let gaps = even.enumerated().map { $0.offset % 5 == 0 ? 0 : $0.element }
    #expect(
      try KQuantizedWeight(weight, type: type, importance: gaps)
        == KQuantizedWeight(weight, type: type, importance: even))

    var (missing, filled) = (even, even)
    for first in stride(from: 0, to: 256, by: 2 * size) {
      let squares = elements[first..<first + size].reduce(0) { $0 + $1 * $1 }
      let raise = type.bitCount > 3 ? (squares / 32).squareRoot() : 0
      for column in first..<first + size {
        missing[column] = 0
        filled[column] = abs(elements[column]) + raise
      }
    }
    func rounded(_ importance: [Float]) throws -> KQuantizedWeight {
      try KQuantizedWeight(weight, type: type, importance: importance, scaleDType: .float32)
    }
    let result = try rounded(missing)
    #expect(try result == rounded(filled))
    #expect(try result != rounded(even))
    // Files: the mean of all columns, which is the same as what it stands for where that is everywhere.
    let halves = missing.map { $0 == 0 ? Float(1) : $0 }
    #expect(
      try KQuantizedWeight(weight, type: type, importance: missing)
        == KQuantizedWeight(weight, type: type, importance: halves))
  }

  @Test(arguments: KQuantType.allCases) func resultsDoNotDependOnThreads(type: KQuantType) throws {
    let team = ThreadTeam.size
    defer { ThreadTeam.size = team }
    var generator = SeededGenerator(seed: 4)
    let weight = generator.tensor([7, 768])
    for importance in [nil, generator.uniform(768, in: 0...1)] {
      let results = try [1, 2, 3, 5].map { threads in
        ThreadTeam.size = threads
        let result = try KQuantizedWeight(weight, type: type, importance: importance)
        return (result, result.dequantized(to: .bfloat16))
      }
      for (result, numbers) in results.dropFirst() {
        #expect(result == results[0].0)
        expectIdentical(numbers, results[0].1)
      }
    }
  }
}
