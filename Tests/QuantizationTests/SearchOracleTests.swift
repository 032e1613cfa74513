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

  private func arguments(_ bits: Int) -> QuantizationArguments {
    QuantizationArguments(numBits: bits, strategy: .group, groupSize: 32)
  }

  private func importance(_ name: String) throws -> [Float]? {
    name == "none" ? nil : try file.tensor("in.\(name)").floats()
  }

  @Test(arguments: [2, 3, 4, 8]) func plain(bits: Int) throws {
    let quantizer = try IntegerWeightQuantizer(
      weight: weight, arguments: arguments(bits), scaleDType: .float16)
    let result = try quantizer.finished()
    expectClose(result.scales, try file.tensor("rtn_w\(bits)_g32.scale").floats(), .exact)
    expectClose(
      result.dequantized(to: .float32), try file.tensor("rtn_w\(bits)_g32.qdq"), .exact)
  }

  @Test(arguments: [2, 3, 4, 8], ["none", "imatrix", "imatrix_zeros"])
  func searched(bits: Int, importance name: String) throws {
    let result = try IntegerWeightQuantizer.searchedRoundToNearest(
      weight: weight, arguments: arguments(bits), scaleDType: .float32,
      importance: try importance(name))
    let prefix = "opt_rtn_w\(bits)_g32.\(name)"
    expectClose(result.scales, try file.tensor("\(prefix).scale").floats(), .exact, "scale")
    expectClose(
      result.dequantized(to: .float32), try file.tensor("\(prefix).qdq"), .exact, "weight")
  }

  /// The reference searches bf16 weights in bf16 arithmetic; here it is f32, with scales as they
  /// are stored. The two try slightly different scales, and end up equally well.
  @Test func searchedInBFloat16LosesAsLittleAsReference() throws {
    let narrow = weight.converted(to: .bfloat16)
    let importance = try #require(try importance("imatrix"))
    let result = try IntegerWeightQuantizer.searchedRoundToNearest(
      weight: narrow, arguments: arguments(4), scaleDType: .bfloat16, importance: importance)
    func loss(_ quantized: Tensor) -> Double {
      zip(narrow.floats(), quantized.floats()).enumerated().reduce(0) { sum, element in
        let difference = Double(element.element.0 - element.element.1)
        return sum + Double(importance[element.offset % 128]) * difference * difference
      }
    }
    let reference = loss(try file.tensor("opt_rtn_w4_g32.imatrix_bf16.qdq"))
    #expect(loss(result.dequantized(to: .bfloat16)) <= 1.001 * reference)
    let stored = Tensor(result.scales, shape: [result.scales.count]).converted(to: .bfloat16)
    #expect(result.scales == stored.floats())
  }

  @Test(arguments: [2, 4]) func searchLosesLessThanPlain(bits: Int) throws {
    var generator = SeededGenerator(seed: 7)
    let weight = generator.tensor([16, 200], deviation: 0.05)
    func loss(_ result: QuantizedWeight) -> Float {
      zip(weight.floats(), result.dequantized(to: .float32).floats())
        .reduce(0) { $0 + ($1.0 - $1.1) * ($1.0 - $1.1) }
    }
    let plain = try IntegerWeightQuantizer(
      weight: weight, arguments: arguments(bits), scaleDType: .bfloat16
    ).finished()
    let searched = try IntegerWeightQuantizer.searchedRoundToNearest(
      weight: weight, arguments: arguments(bits), scaleDType: .bfloat16, importance: nil)
    #expect(loss(searched) < loss(plain))
  }
}
