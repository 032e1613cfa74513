import CPU
import Compute
import JSONText
import LanguageModels
import ModelFamilies
import Recordings
import Tensors
import TestSupport
import Testing

@Suite(.oneAtATime) struct GatedDeltaTests {
  private static let width = 32
  private static let configuration: JSONValue = [
    "model_type": "qwen3_5_text", "vocab_size": 8, "hidden_size": 32, "intermediate_size": 16,
    "num_hidden_layers": 1, "num_attention_heads": 1, "num_key_value_heads": 1,
    "linear_num_key_heads": 2, "linear_num_value_heads": 6, "linear_key_head_dim": 4,
    "linear_value_head_dim": 3,
  ]

  /// Projections whose rows are ordered by the heads of keys give what plain ones give.
  @Test func groupsGiveWhatPartsGive() throws {
    let description = try Architectures.describe(JSONReader(Self.configuration))
    var block = try #require(description.blocks[0].block as? ResidualBlock)
    var generator = SeededGenerator(seed: 3)
    var tensors = Dictionary(
      uniqueKeysWithValues: block.parts.map { part in
        (part.stored.tensor, generator.tensor(part.shape, deviation: 0.3))
      })
    let x = generator.normal(7 * Self.width)
    let expected = try run(block, tensors, x)

    guard case .gatedDelta(var delta) = block.stages[0][0].mixer else {
      Issue.record("the first mixer is no linear attention")
      return
    }
    func rows(_ name: String, _ range: Range<Int>) throws -> [Float] {
      let floats = try #require(tensors["linear_attn.\(name).weight"]).floats()
      return Array(floats[range.lowerBound * Self.width..<range.upperBound * Self.width])
    }
    var (wide, narrow): ([Float], [Float]) = ([], [])
    for head in 0..<2 {
      let (key, values) = (head * 4..<head * 4 + 4, head * 9..<head * 9 + 9)
      wide += try rows("in_proj_qkv", key)
      wide += try rows("in_proj_qkv", key.lowerBound + 8..<key.upperBound + 8)
      wide += try rows("in_proj_qkv", values.lowerBound + 16..<values.upperBound + 16)
      wide += try rows("in_proj_z", values)
      for name in ["in_proj_b", "in_proj_a"] {
        narrow += try rows(name, head * 3..<head * 3 + 3)
      }
    }
    tensors["linear_attn.in_proj_qkvz.weight"] = Tensor(wide, shape: [52, Self.width])
    tensors["linear_attn.in_proj_ba.weight"] = Tensor(narrow, shape: [12, Self.width])
    delta.arrangement = .groups
    delta.projections = [
      LayerSlot("linear_attn.in_proj_qkvz", outputs: 52, inputs: Self.width),
      LayerSlot("linear_attn.in_proj_ba", outputs: 12, inputs: Self.width),
    ]
    block.stages[0][0].mixer = .gatedDelta(delta)
    expectClose(try run(block, tensors, x), expected, Tolerance(ofLargest: 1e-6))
  }

  private func run(_ block: ResidualBlock, _ tensors: [String: Tensor], _ x: [Float]) throws
    -> [Float]
  {
    let program = try BlockProgram(
      block, batch: 1, tokens: x.count / Self.width, device: CPUDevice(compute: .float32),
      training: .nothing)
    try program.load("", from: Named(tensors: tensors))
    x.withUnsafeBytes { program.program[range: program.input].upload($0) }
    program.program.forward()
    let output = program.program.output.floats
    return Array(UnsafeBufferPointer(start: output, count: x.count))
  }
}

private struct Named: TensorSource {
  let tensors: [String: Tensor]
  func contains(_ name: String) -> Bool { tensors[name] != nil }
  func tensor(_ name: String, shape: [Int]) throws -> Tensor { try #require(tensors[name]) }
}
