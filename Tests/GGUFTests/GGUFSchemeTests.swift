import Diagnostics
import GGUF
import Quantization
import TestSupport
import Testing

@Suite struct GGUFSchemeTests {
  private func scheme(
    _ bitCount: Int, isSymmetric: Bool = true, groupSize: Int = 128,
    inputs: QuantizationArguments? = nil
  ) -> QuantizationScheme {
    QuantizationScheme(
      targets: ["Linear"],
      weights: QuantizationArguments(
        bitCount: bitCount, isSymmetric: isSymmetric, strategy: .group, groupSize: groupSize),
      inputActivations: inputs)
  }

  @Test func typesOfLayers() throws {
    let types = try GGUFTensorType.holding([
      "a": scheme(4), "b": scheme(4, isSymmetric: false), "c": scheme(2), "d": scheme(8),
      "e": QuantizationScheme(targets: ["Linear"], weights: nil),
    ])
    #expect(types == ["a": .q40, "b": .q50, "c": .q40, "d": .q80])
  }

  @Test func layersThatFilesDoNotHold() {
    expectInputError(
      .unsupported, mentioning: ["layer 'b'", "weights.group_size", "found 16", "multiple of 32"]
    ) { try GGUFTensorType.holding(["a": scheme(4), "b": scheme(4, groupSize: 16)]) }
    expectInputError(.unsupported, mentioning: ["layer 'a'", "weights.num_bits", "found 8"]) {
      try GGUFTensorType.holding(["a": scheme(8, isSymmetric: false)])
    }
    let inputs = QuantizationArguments(bitCount: 8, strategy: .token, dynamic: .all)
    expectInputError(.unsupported, mentioning: ["layer 'a'", "input_activations", "8-bit int"]) {
      try GGUFTensorType.holding(["a": scheme(8, inputs: inputs)])
    }
  }
}
