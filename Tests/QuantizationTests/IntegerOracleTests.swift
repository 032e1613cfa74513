import Quantization
import Tensors
import TestSupport
import Testing

/// Compares the integer quantizer with the reference's own functions, on every instruction set.
@Suite(.serialized) struct IntegerOracleTests {
  /// Sums are added in another order than the reference's.
  static let gradientTolerance = Tolerance(ofLargest: 1e-5)

  @Test func casesAreThere() {
    #expect(OracleCase.integers.count == 64)
  }

  @Test(arguments: OracleCase.integers) func matchesReference(_ oracle: OracleCase) throws {
    let expected = try oracle.load()
    try forEachInstructionSet { what in
      let quantizer = try IntegerWeightQuantizer(
        weight: expected.weight, arguments: oracle.arguments, scaleDType: oracle.scaleDType)
      quantizer.setParameters(
        values: expected.values, alpha: expected.alpha, beta: expected.beta)

      expectClose(
        quantizer.quantized(to: expected.weight.dtype), expected.quantized, .exact, what)

      let finished = try quantizer.finished()
      expectClose(finished.scales, expected.scale.floats(), .exact, "\(what): scale")
      if let zeroPoint = expected.zeroPoint {
        #expect(finished.zeroPoints?.map { Float($0) } == zeroPoint.floats(), "\(what)")
      } else {
        #expect(finished.zeroPoints == nil)
      }
      expectClose(
        finished.dequantized(to: expected.weight.dtype), expected.quantized, .exact,
        "\(what): dequantized")

      let gradients = quantizer.gradients(of: expected.gradient)
      expectClose(gradients.values, expected.valuesGradient, Self.gradientTolerance, "\(what): dV")
      expectCloseRanges(gradients.alpha, expected.alphaGradient, oracle, "\(what): dalpha")
      expectCloseRanges(gradients.beta, expected.betaGradient, oracle, "\(what): dbeta")
    }
  }

  /// Gradients of range scales, which pass through sums rounded to f16 if scales are f16. Where such
  /// a sum lies within its own f32 error of the middle between two f16 numbers, it may be rounded
  /// to either; that must be rare and by one unit of f16.
  private func expectCloseRanges(
    _ actual: [Float], _ expected: [Float], _ oracle: OracleCase, _ what: String
  ) {
    guard oracle.scaleDType == .float16, !oracle.arguments.isSymmetric else {
      return expectClose(actual, expected, Self.gradientTolerance, what)
    }
    expectClose(actual, expected, Tolerance(ofLargest: 2e-4), what)
    let closeness = Closeness(actual, expected, Self.gradientTolerance)
    #expect(closeness.mismatchCount <= 1, "\(what)")
  }

  @Test(arguments: OracleCase.integers) func stepFollowsSigns(_ oracle: OracleCase) throws {
    let inputs = try oracle.load()
    let quantizer = try IntegerWeightQuantizer(
      weight: inputs.weight, arguments: oracle.arguments, scaleDType: oracle.scaleDType)
    quantizer.setParameters(values: inputs.values, alpha: inputs.alpha, beta: inputs.beta)
    let gradients = quantizer.gradients(of: inputs.gradient)
    quantizer.step(gradient: inputs.gradient, learningRate: 0.125, rangeLearningRate: 0.0625)
    func stepped(_ parameters: [Float], _ gradients: [Float], _ rate: Float) -> [Float] {
      zip(parameters, gradients).map { $0 - rate * ($1 > 0 ? 1 : $1 < 0 ? -1 : 0) }
    }
    let parameters = quantizer.parameters
    #expect(parameters.values == stepped(inputs.values, gradients.values, 0.125))
    #expect(parameters.alpha == stepped(inputs.alpha, gradients.alpha, 0.0625))
    #expect(parameters.beta == stepped(inputs.beta, gradients.beta, 0.0625))
  }
}
