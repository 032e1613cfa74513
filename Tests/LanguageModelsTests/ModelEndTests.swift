import CPU
import Compute
import JSONText
import LanguageModels
import ModelFamilies
import Recordings
import Tensors
import TestSupport
import Testing

@Suite(.oneAtATime) struct ModelEndTests {
  private static let configuration: JSONValue = [
    "model_type": "llama", "vocab_size": 33, "hidden_size": 64, "intermediate_size": 8,
    "num_hidden_layers": 1, "num_attention_heads": 1, "rms_norm_eps": 1e-5,
  ]
  private let hidden: Tensor
  private let source: Weights

  init() {
    var generator = SeededGenerator(seed: 6)
    hidden = generator.tensor([9, 64], deviation: 2, dtype: .bfloat16)
    source = Weights(tensors: [
      "model.norm.weight": generator.tensor([64]),
      "lm_head.weight": generator.tensor([33, 64], deviation: 0.2, dtype: .bfloat16),
    ])
  }

  /// Logits are f32, whatever the compute type, and the same whether the head is copied or read where it lies.
  @Test(arguments: ComputeType.available, [false, true])
  func logitsAreTheHeadOfTheNorm(compute: ComputeType, inPlace: Bool) throws {
    let logits = try logits(compute, tokens: 9, from: 0, inPlace: inPlace)
    let (x, norm, head) = try (
      hidden.floats(), source.tensor("model.norm.weight", shape: [64]).floats(),
      source.tensor("lm_head.weight", shape: [33, 64]).floats()
    )
    var expected: [Double] = []
    for token in 0..<9 {
      let row = x[token * 64..<(token + 1) * 64].map(Double.init)
      let inverse = 1 / (row.reduce(0) { $0 + $1 * $1 } / 64 + 1e-5).squareRoot()
      for word in 0..<33 {
        expected.append(
          (0..<64).reduce(0) {
            $0 + row[$1] * inverse * Double(norm[$1]) * Double(head[word * 64 + $1])
          })
      }
    }
    // In bf16 the norm's result is rounded before the product.
    expectClose(
      logits.map(Double.init), expected,
      compute == .float32 ? Tolerance(ofLargest: 1e-6) : Tolerance(ofLargest: 0x1p-8))
    guard compute == .bfloat16 else { return }
    let rounded = Tensor(logits, shape: [logits.count]).converted(to: .bfloat16).floats()
    #expect(rounded != logits)
  }

  /// Tokens do not depend on those beside them.
  @Test func piecesGiveWhatTheWholeGives() throws {
    let all = try logits(.float32, tokens: 9, from: 0, inPlace: true)
    for (first, tokens) in [(0, 1), (0, 4), (5, 4), (8, 1)] {
      let piece = try logits(.float32, tokens: tokens, from: first, inPlace: true)
      expectClose(
        piece, Array(all[first * 33..<(first + tokens) * 33]), Tolerance(ofLargest: 1e-6))
    }
  }

  private func logits(
    _ compute: ComputeType, tokens: Int, from first: Int, inPlace: Bool
  ) throws -> [Float] {
    var end = try Architectures.describe(JSONReader(Self.configuration)).end
    end.logits = .float32
    let block = try BlockProgram(
      end, batch: 1, tokens: tokens, device: CPUDevice(compute: compute), training: .nothing)
    try block.load("", from: source, inPlace: inPlace)
    hidden.slice(first..<first + tokens).converted(to: compute.dtype).withUnsafeBytes {
      block.program[range: block.input].upload($0)
    }
    block.program.forward()
    let pointer = block.program.output.floats
    return Array(UnsafeBufferPointer(start: pointer, count: tokens * block.outputColumns))
  }
}

private struct Weights: TensorSource {
  let tensors: [String: Tensor]
  func contains(_ name: String) -> Bool { tensors[name] != nil }
  func tensor(_ name: String, shape: [Int]) throws -> Tensor { try #require(tensors[name]) }
}
