import Checkpoints
import Foundation
import JSONText
import Quantization
import Tensors
import TestSupport
import Testing

/// One case of floats as weights of `Tests/Fixtures/quant`.
struct FloatOracleCase: Sendable, CustomTestStringConvertible {
  let fileName: String
  let name: String
  let arguments: QuantizationArguments

  var testDescription: String { "\(fileName) \(name)" }

  /// All cases.
  static let all: [FloatOracleCase] = {
    do {
      let index = JSONReader(
        try .parse(contentsOf: OracleCase.folder.appending(path: "index.json")))
      return try index.elements().flatMap { file in
        try file.required("cases").members().compactMap { name, fields in
          guard let type = fields.value["data_type"]?.stringValue, type != "int" else { return nil }
          return FloatOracleCase(
            fileName: try file.required("file").string(), name: name,
            arguments: try arguments(fields, type: type))
        }
      }
    } catch {
      Issue.record(error)
      return []
    }
  }()

  private static func arguments(
    _ fields: JSONReader, type: String
  ) throws -> QuantizationArguments {
    let bitCount = try fields.required("bits").int()
    guard let size = fields.value["group_size"]?.intValue else {
      let block = try fields.required("group_size").elements().map { try $0.int() }
      return QuantizationArguments(
        bitCount: bitCount, type: .float, strategy: .block, blockStructure: block)
    }
    switch (type, size) {
    case ("fp", 0):
      return QuantizationArguments(bitCount: bitCount, type: .float, strategy: .tensor)
    case ("fp", -1):
      return QuantizationArguments(bitCount: bitCount, type: .float, strategy: .channel)
    default:
      return QuantizationArguments(
        bitCount: bitCount, type: .float, strategy: type == "nv_fp" ? .tensorGroup : .group,
        groupSize: size, scaleDType: type == "nv_fp" ? .float8E4M3 : .uint8)
    }
  }

  struct Tensors {
    let weight: Tensor
    let values, beta, gradient: [Float]
    let quantized: Tensor
    let scale: [Float]
    let valuesGradient, betaGradient: [Float]
  }

  func load() throws -> Tensors {
    let file = try SafetensorsFile(opening: OracleCase.folder.appending(path: fileName))
    let weight = try file.tensor("in.weight_\(name.hasSuffix(".bf16") ? "bf16" : "f32")")
    // Rows without the padding of their last group; blocks put side by side again.
    func values(_ name: String) throws -> [Float] {
      let tensor = try file.tensor(name)
      let all = tensor.floats()
      let (rows, columns) = (weight.shape[0], weight.shape[1])
      if tensor.shape.count == 4 {
        let (across, height, width) = (tensor.shape[1], tensor.shape[2], tensor.shape[3])
        return (0..<rows * columns).map { index in
          let (row, column) = (index / columns, index % columns)
          let block = row / height * across + column / width
          return all[(block * height + row % height) * width + column % width]
        }
      }
      let padded = tensor.count / rows
      return (0..<rows).flatMap { all[$0 * padded..<$0 * padded + columns] }
    }
    return Tensors(
      weight: weight, values: try values("in.value"),
      beta: try file.tensor("in.max_scale").floats(),
      gradient: try file.tensor("in.g").converted(to: weight.dtype).floats(),
      quantized: try file.tensor("\(name).qdq"), scale: try file.tensor("\(name).scale").floats(),
      valuesGradient: try values("\(name).d_value"),
      // Of groups of zeros the reference makes NaN; zero is what lets tuning go on.
      betaGradient: try file.tensor("\(name).d_max_scale").floats().map { $0.isNaN ? 0 : $0 })
  }
}

/// Compares the quantizer of floats with the reference's own functions, on every instruction set.
@Suite(.serialized) struct FloatOracleTests {
  static let gradientTolerance = Tolerance(ofLargest: 1e-5)

  @Test func casesAreThere() {
    #expect(FloatOracleCase.all.count == 20)
  }

  @Test(arguments: FloatOracleCase.all) func matchesReference(_ oracle: FloatOracleCase) throws {
    let expected = try oracle.load()
    try forEachInstructionSet { what in
      let quantizer = try FloatWeightQuantizer(
        weight: expected.weight, arguments: oracle.arguments, scaleDType: .float32)
      quantizer.setParameters(values: expected.values, beta: expected.beta)
      expectClose(
        quantizer.quantized(to: expected.weight.dtype), expected.quantized, .exact, what)

      let finished = try quantizer.finished()
      let isPowerOfTwo = quantizer.format == .mxfp4 || quantizer.format == .mxfp8
      // The reference calls the exponent the scale.
      expectClose(
        isPowerOfTwo ? finished.scales.map { log2($0) } : finished.scales, expected.scale, .exact,
        "\(what): scale")
      // NVFP4 is stored as two scales, whose quotient is not always the product of reciprocals
      // that was tuned: a unit in the last place of f32.
      expectClose(
        finished.dequantized(to: expected.weight.dtype), expected.quantized,
        quantizer.format == .nvfp4 ? Tolerance(relative: 0x1p-22) : .exact, "\(what): dequantized")

      let gradients = quantizer.gradients(of: expected.gradient)
      expectClose(gradients.values, expected.valuesGradient, Self.gradientTolerance, "\(what): dV")
      expectClose(gradients.beta, expected.betaGradient, Self.gradientTolerance, "\(what): dbeta")
    }
  }

  @Test(arguments: FloatOracleCase.all) func stepFollowsSigns(_ oracle: FloatOracleCase) throws {
    let inputs = try oracle.load()
    let quantizer = try FloatWeightQuantizer(
      weight: inputs.weight, arguments: oracle.arguments, scaleDType: .float32)
    quantizer.setParameters(values: inputs.values, beta: inputs.beta)
    let gradients = quantizer.gradients(of: inputs.gradient)
    quantizer.step(gradient: inputs.gradient, learningRate: 0.125, rangeLearningRate: 0.0625)
    func stepped(_ parameters: [Float], _ gradients: [Float], _ rate: Float) -> [Float] {
      zip(parameters, gradients).map { $0 - rate * ($1 > 0 ? 1 : $1 < 0 ? -1 : 0) }
    }
    #expect(quantizer.parameters.values == stepped(inputs.values, gradients.values, 0.125))
    #expect(quantizer.parameters.beta == stepped(inputs.beta, gradients.beta, 0.0625))
  }
}
