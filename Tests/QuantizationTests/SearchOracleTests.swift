import Checkpoints
import Foundation
import Quantization
import Tensors
import TestSupport
import Testing

/// Compares rounding to nearest, plain and with searched scales, with the reference's results.
@Suite struct SearchOracleTests {
  let file: SafetensorsFile
  let weight: Tensor

  init() throws {
    file = try SafetensorsFile(opening: OracleCase.folder.appending(path: "search.safetensors"))
    weight = try file.tensor("in.weight")
  }

  private func arguments(_ bitCount: Int) -> QuantizationArguments {
    QuantizationArguments(bitCount: bitCount, strategy: .group, groupSize: 32)
  }

  private func importance(_ name: String) throws -> [Float]? {
    name == "none" ? nil : try file.tensor("in.\(name)").floats()
  }

  private func searched(
    _ weight: Tensor, _ arguments: QuantizationArguments, scaleDType: DType, importance: [Float]?
  ) throws -> QuantizedWeight {
    let quantizer = try arguments.makeWeightQuantizer(for: weight, scaleDType: scaleDType)
    quantizer.searchScales(importance: importance)
    return try quantizer.finished()
  }

  @Test(arguments: [2, 3, 4, 8]) func plain(bitCount: Int) throws {
    let quantizer = try IntegerWeightQuantizer(
      weight: weight, arguments: arguments(bitCount), scaleDType: .float16)
    let result = try quantizer.finished()
    expectClose(result.scales, try file.tensor("rtn_w\(bitCount)_g32.scale").floats(), .exact)
    expectClose(
      result.dequantized(to: .float32), try file.tensor("rtn_w\(bitCount)_g32.qdq"), .exact)
  }

  @Test(arguments: [2, 3, 4, 8], ["none", "imatrix", "imatrix_zeros"])
  func searched(bitCount: Int, importance name: String) throws {
    let result = try searched(
      weight, arguments(bitCount), scaleDType: .float32, importance: try importance(name))
    let prefix = "opt_rtn_w\(bitCount)_g32.\(name)"
    expectClose(result.scales, try file.tensor("\(prefix).scale").floats(), .exact, "scale")
    expectClose(
      result.dequantized(to: .float32), try file.tensor("\(prefix).qdq"), .exact, "weight")
  }

  /// The reference searches bf16 weights in bf16 arithmetic; here it is f32, with scales as they
  /// are stored. The two try slightly different scales, and end up equally well.
  @Test func searchedInBFloat16LosesAsLittleAsReference() throws {
    let narrow = weight.converted(to: .bfloat16)
    let importance = try #require(try importance("imatrix"))
    let result = try searched(
      narrow, arguments(4), scaleDType: .bfloat16, importance: importance)
    func loss(_ quantized: Tensor) -> Double {
      zip(narrow.floats(), quantized.floats()).enumerated().reduce(0) { sum, element in
        let difference = Double(element.element.0 - element.element.1)
        return sum + Double(importance[element.offset % 128]) * difference * difference
      }
    }
    let reference = loss(try file.tensor("opt_rtn_w4_g32.imatrix_bf16.qdq"))
    let ours = loss(result.dequantized(to: .bfloat16))
    #expect(ours <= 1.0005 * reference, "\(ours / reference)")
    let scales = try file.tensor("opt_rtn_w4_g32.imatrix_bf16.scale").floats()
    let near = zip(result.scales, scales).count { abs($0 - $1) <= 0x1p-7 * abs($1) }
    // All but two are the same to the last bit of bf16.
    #expect(near >= scales.count - 2, "\(near) of \(scales.count)")
    let stored = Tensor(result.scales, shape: [result.scales.count]).converted(to: .bfloat16)
    #expect(result.scales == stored.floats())
  }

  @Test(arguments: [2, 4]) func searchLosesLessThanPlain(bitCount: Int) throws {
    var generator = SeededGenerator(seed: 7)
    let weight = generator.tensor([16, 200], deviation: 0.05)
    func loss(_ result: QuantizedWeight) -> Float {
      zip(weight.floats(), result.dequantized(to: .float32).floats())
        .reduce(0) { $0 + ($1.0 - $1.1) * ($1.0 - $1.1) }
    }
    let plain = try IntegerWeightQuantizer(
      weight: weight, arguments: arguments(bitCount), scaleDType: .bfloat16
    ).finished()
    let better = try searched(
      weight, arguments(bitCount), scaleDType: .bfloat16, importance: nil)
    #expect(loss(better) < loss(plain))
  }

  /// Two bits are searched with their zero points where a weight is only rounded; nothing else of
  /// asymmetric integers is.
  @Test(arguments: [DType.bfloat16, .float32], ["none", "imatrix", "imatrix_zeros"])
  func searchesAsymmetricIntegersOfTwoBits(scaleDType: DType, importance name: String) throws {
    let weighing = try importance(name)
    func result(_ bitCount: Int, searches: Bool, isTuned: Bool = false) throws -> QuantizedWeight {
      let quantizer = try QuantizationArguments(
        bitCount: bitCount, isSymmetric: false, strategy: .group, groupSize: 32
      ).makeWeightQuantizer(for: weight, scaleDType: scaleDType, isTuned: isTuned)
      if searches { quantizer.searchScales(importance: weighing) }
      return try quantizer.finished()
    }
    func loss(_ result: QuantizedWeight) -> Float {
      let pairs = zip(weight.floats(), result.dequantized(to: .float32).floats())
      return pairs.enumerated().reduce(0) { sum, element in
        let difference = element.element.0 - element.element.1
        return sum + (weighing?[element.offset % weight.shape[1]] ?? 1) * difference * difference
      }
    }
    let (plain, searched) = (try result(2, searches: false), try result(2, searches: true))
    #expect(loss(searched) < 0.8 * loss(plain), "\(loss(searched) / loss(plain))")
    let stored = Tensor(searched.scales, shape: [searched.scales.count]).converted(to: scaleDType)
    #expect(searched.scales == stored.floats())
    #expect(searched.scales.everySatisfies { $0 > 0 })
    #expect(searched.zeroPoints?.everySatisfies { $0 < 4 } == true)
    try forEachInstructionSet { name in
      // Sums in another order may prefer another of two that are as good.
      let other = try result(2, searches: true)
      #expect(abs(loss(other) / loss(searched) - 1) < 1e-3, "\(name)")
    }
    #expect(try result(3, searches: true) == result(3, searches: false))
    #expect(
      try result(2, searches: true, isTuned: true) == result(2, searches: false, isTuned: true))
  }

  @Test(arguments: ["mxfp4", "mxfp8", "nvfp4"], ["none", "imatrix"])
  func searchedFloats(format: String, importance name: String) throws {
    let weight = try file.tensor("in.weight_nozero")
    let isGlobal = format == "nvfp4"
    let arguments = QuantizationArguments(
      bitCount: format == "mxfp8" ? 8 : 4, type: .float, strategy: isGlobal ? .tensorGroup : .group,
      groupSize: isGlobal ? 16 : 32, scaleDType: isGlobal ? .float8E4M3 : .uint8)
    let quantizer = try FloatWeightQuantizer(
      weight: weight, arguments: arguments, scaleDType: .float32)
    quantizer.searchScales(importance: try importance(name))
    let prefix = "opt_rtn_\(format).\(name)"
    expectClose(quantizer.quantized(to: .float32), try file.tensor("\(prefix).qdq"), .exact)
    let finished = try quantizer.finished()
    if isGlobal {
      let global = try file.tensor("nv_global_scale").floats()
      #expect(finished.globalScale == global[0])
      expectClose(finished.scales, try file.tensor("\(prefix).scale").floats(), .exact)
    } else {
      let exponents = try file.tensor("\(prefix).shared_exp").floats()
      expectClose(finished.scales.map { log2($0) }, exponents, .exact)
    }
  }

  /// Tuning from searched scales: what the reference calls `enable_alg_ext`.
  @Test(arguments: [2, 4], ["none", "imatrix"])
  func tunesFromSearchedScales(bitCount: Int, importance name: String) throws {
    let weight = try file.tensor("in.weight_nozero")
    // The search itself is not rounded to the type of scales there; its result is.
    let search = try IntegerWeightQuantizer(
      weight: weight, arguments: arguments(bitCount), scaleDType: .float32)
    search.searchScales(importance: try importance(name))
    let prefix = "algext_w\(bitCount)_g32.\(name)"
    expectClose(
      try search.finished().scales, try file.tensor("\(prefix).init_scale").floats(), .exact,
      "initial scale")

    let quantizer = try IntegerWeightQuantizer(
      weight: weight, arguments: arguments(bitCount), scaleDType: .float16)
    quantizer.start(from: try search.finished().scales)
    quantizer.setParameters(
      values: try file.tensor("in.value").floats(), alpha: nil,
      beta: try file.tensor("in.max_scale").floats())
    expectClose(
      try quantizer.finished().scales, try file.tensor("\(prefix).scale").floats(), .exact, "scale")
    expectClose(
      quantizer.quantized(to: .float32), try file.tensor("\(prefix).qdq"), .exact, "weight")
    let gradients = quantizer.gradients(of: try file.tensor("in.g").floats())
    expectClose(
      gradients.values, try file.tensor("\(prefix).d_value").floats(), Tolerance(ofLargest: 1e-5),
      "dV")
    // Sums pass through f16: one that lies in the middle of two may be rounded to either.
    let beta = try file.tensor("\(prefix).d_max_scale").floats()
    expectClose(gradients.beta, beta, Tolerance(ofLargest: 2e-4), "dbeta")
    #expect(Closeness(gradients.beta, beta, Tolerance(ofLargest: 1e-5)).mismatchCount <= 1)
    #expect(gradients.alpha.everySatisfies { $0 == 0 })
  }

  @Test(arguments: ["mxfp4", "nvfp4"], ["none", "imatrix"])
  func betaReachesTwiceTheSearchedScale(format: String, importance name: String) throws {
    let isGlobal = format == "nvfp4"
    let quantizer = try FloatWeightQuantizer(
      weight: try file.tensor("in.weight_nozero"),
      arguments: QuantizationArguments(
        bitCount: 4, type: .float, strategy: isGlobal ? .tensorGroup : .group,
        groupSize: isGlobal ? 16 : 32), scaleDType: .float32)
    let factors = try file.tensor("algext_\(format).\(name).init_scale").floats()
    let plain = try quantizer.finished().scales
    quantizer.searchScales(importance: try importance(name))
    let searched = try quantizer.finished().scales
    for (index, factor) in factors.enumerated() {
      // A power of two moves only by factors of two; e4m3 has steps of at most an eighth.
      let allowed: Float = isGlobal ? 0.13 * plain[index] * factor : 0
      #expect(abs(searched[index] - factor * plain[index]) <= allowed)
    }
    quantizer.setParameters(values: nil, beta: factors.map { _ in 3 })
    #expect(quantizer.parameters.beta.everySatisfies { $0 == 2 })
  }
}
