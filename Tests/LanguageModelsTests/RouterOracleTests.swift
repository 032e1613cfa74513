import Checkpoints
import Compute
import LanguageModels
import Recordings
import ReferenceDevice
import Tensors
import TestSupport
import Testing

/// Which experts tokens choose, and what these count, beside what transformers says of tiny models.
@Suite struct RouterOracleTests {
  @Test(
    arguments: [
      "deepseek_v2", "deepseek_v3", "deepseek_v3-fp8", "deepseek_v3-noqlora", "ernie4_5_moe",
      "glm4_moe",
      "glm4_moe_lite", "gpt_oss", "gpt_oss-mxfp4", "granitemoe", "granitemoehybrid",
      "hunyuan_v1_moe",
      "kimi_linear", "lfm2_moe", "llama4", "minimax_m2", "mixtral", "nemotron_h", "olmoe",
      "qwen3-moe",
      "qwen3_5_moe", "qwen3_next", "qwen3_vl_moe",
    ], ["config.json", "config_hub.json"])
  func choicesMeetTheReference(model: String, configuration: String) throws {
    let oracle = try OracleModel(model, configuration: configuration)
    let names = Set(oracle.oracle.entries.map(\.name))
    var count = 0
    for (index, placed) in oracle.description.blocks.enumerated() {
      guard names.contains("router_logits.\(index)") else { continue }
      count += 1
      let input = try oracle.oracle.tensor("hidden_states.\(index)").floats()
      func answer(_ output: RoutedBlock.Output) throws -> [Float] {
        try oracle.answer(of: try RoutedBlock(placed.block, output), placed.name, to: input)
      }
      let logits = try oracle.oracle.tensor("router_logits.\(index)")
      expectClose(
        Tensor(try answer(.logits), shape: logits.shape), logits, Tolerance(absolute: 3e-5))
      let indices = try oracle.oracle.tensor("router_indices.\(index)")
      let weights = try oracle.oracle.tensor("router_weights.\(index)").floats()
      // What experts count that a token has not chosen is 0, without an error.
      var expected = [Float](repeating: 0, count: logits.count)
      let (experts, perToken) = (logits.shape[2], indices.shape[2])
      for (place, expert) in indices.elements(as: Int64.self).enumerated() {
        expected[place / perToken * experts + Int(expert)] = weights[place]
      }
      let found = try answer(.weights)
      #expect(found.map { $0 != 0 } == expected.map { $0 != 0 }, "block \(index)")
      expectClose(
        Tensor(found, shape: logits.shape), Tensor(expected, shape: logits.shape),
        Tolerance(absolute: 1e-5))
    }
    #expect(count > 0 && count == names.filter { $0.hasPrefix("router_logits.") }.count)
  }
}

/// Where the reference makes logits of hidden states in f32 whatever the model's type, and where in that type.
@Suite struct RouterPrecisionTests {
  @Test(
    arguments: [
      "deepseek_v2", "deepseek_v3", "deepseek_v32", "ernie4_5_moe", "glm4_moe", "glm4_moe_lite",
      "kimi_linear", "nemotron_h",
    ])
  func logitsAreFloat32(model: String) throws {
    #expect(try types(model) == [.float32])
  }

  @Test(
    arguments: [
      "gemma4-moe", "gpt_oss", "granitemoe", "hunyuan_v1_moe", "lfm2_moe", "llama4", "minimax_m2",
      "mixtral", "olmoe", "qwen2_moe", "qwen3-moe", "qwen3_5_moe", "qwen3_next", "qwen3_vl_moe",
    ])
  func logitsAreOfTheModelsType(model: String) throws {
    #expect(try types(model) == [.bfloat16])
  }

  /// ERNIE keeps its router in f32, whatever the model's type, and checkpoints have it so; nothing of it is rounded.
  @Test func weightsOfRoutersAreReadAsTheReferenceKeepsThem() throws {
    let oracle = try OracleModel("ernie4_5_moe")
    var count = 0
    for placed in oracle.description.blocks where !placed.block.allExperts.isEmpty {
      let program = try BlockProgram(
        placed.block, batch: 1, tokens: 2, device: ReferenceDevice(compute: .bfloat16),
        training: .matrices)
      try program.load(placed.name, from: oracle.checkpoint)
      let part = try #require(
        program.program.parameterParts.first { $0.name == "mlp.gate.weight" })
      let stored = try oracle.checkpoint.tensor("\(placed.name).mlp.gate.weight").floats()
      #expect(stored != ComputeType.bfloat16.rounded(stored))
      #expect(part.range.numbers(stored.count, part.type) == stored)
      count += 1
    }
    #expect(count == 1)
  }

  /// The types of all logits in programs of bf16 that train.
  private func types(_ model: String) throws -> Set<ComputeType> {
    let device = ReferenceDevice(compute: .bfloat16)
    let blocks = try OracleModel(model).description.blocks.map(\.block)
    let types = try blocks.filter { !$0.allExperts.isEmpty }.flatMap { block in
      let recording = try BlockProgram(
        block, batch: 1, tokens: 2, device: device, training: .matrices
      ).program.recording
      return recording.nodes.compactMap { node -> ComputeType? in
        guard case .routing = node.operation else { return nil }
        return recording.type(of: node.inputs[0].value)
      }
    }
    return Set(types)
  }
}

/// A block as far as its router.
private struct RoutedBlock: DecoderBlock {
  enum Output { case logits, weights }

  /// What comes before.
  var first: ResidualBlock
  var norm: NormSlot
  var experts: Experts
  var output: Output
  var width: Int { first.width }

  init(_ block: any DecoderBlock, _ output: Output) throws {
    first = try #require(block as? ResidualBlock)
    let last = try #require(first.stages.removeLast().first)
    guard case .experts(let experts) = last.mixer else {
      throw TestFailure(description: "the block does not end with experts")
    }
    norm = try #require(last.inputNorm)
    (self.experts, self.output) = (experts, output)
  }

  func record(_ x: Value, in recorder: inout BlockRecorder) -> Value {
    let read = recorder.norm(norm, first.record(x, in: &recorder))
    switch output {
    case .logits: return recorder.linear([experts.router], read)
    case .weights: return experts.choice(read, in: &recorder).weights
    }
  }
}

private struct TestFailure: Error, CustomStringConvertible { let description: String }
