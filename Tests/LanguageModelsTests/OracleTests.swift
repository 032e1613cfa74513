import CKernels
import Checkpoints
import Compute
import Foundation
import LanguageModels
import Tensors
import TestSupport
import Testing

/// The limits that Tests/Fixtures/README.md gives for an f32 implementation.
private let stateTolerance = Tolerance(absolute: 3e-5)
private let lossTolerance = 5e-6

@Suite struct OracleTests {
  static let models = [
    "llama", "llama3-rope", "llama-bf16-sharded", "mistral", "qwen2", "qwen3", "seed_oss", "bloom",
    "cohere2", "ernie4_5", "exaone4", "falcon", "gemma2", "gemma3", "glm4", "gpt2", "gpt_neox",
    "granite", "hunyuan_v1_dense", "nemotron", "olmo2", "olmo3", "opt", "phi3", "qwen2-yarn",
    "smollm3", "stablelm", "starcoder2", "ernie4_5_moe", "glm4_moe", "hunyuan_v1_moe", "minimax_m2",
    "mixtral", "olmoe", "qwen3-moe",
  ]
  /// Those with the gradients of a block.
  static let differentiated = [
    "llama", "qwen2", "qwen3", "cohere2", "exaone4", "gemma2", "gemma3", "glm4", "gpt_neox",
    "granite",
    "nemotron", "olmo2", "olmo3", "opt", "phi3", "ernie4_5_moe", "glm4_moe", "minimax_m2", "olmoe",
    "qwen3-moe",
  ]
  /// Those of which it is the second: the first that has experts.
  private static let differentiatedInSecond = ["ernie4_5_moe", "glm4_moe"]

  @Test(arguments: models, ["config.json", "config_hub.json"])
  func forwardPassMeetsTheReference(model: String, configuration: String) throws {
    let oracle = try OracleModel(model, configuration: configuration)
    let (states, logits) = try oracle.run()
    for (index, state) in states.enumerated() {
      let expected = try oracle.oracle.tensor("hidden_states.\(index)")
      expectClose(
        Tensor(state, shape: expected.shape), expected, stateTolerance)
    }
    let expected = try oracle.oracle.tensor("logits")
    expectClose(Tensor(logits, shape: expected.shape), expected, stateTolerance)
    let loss = try oracle.oracle.tensor("loss").floats()[0]
    let found = nextTokenLoss(logits, ids: oracle.ids, tokens: oracle.tokens)
    #expect(abs(found - Double(loss)) < lossTolerance)
  }

  @Test(arguments: models) func rotaryFrequenciesMeetTheReference(model: String) throws {
    let oracle = try OracleModel(model)
    var rotary: Set<RotarySettings> = []
    for placed in oracle.description.blocks {
      let block = try #require(placed.block as? ResidualBlock)
      for case .attention(let attention) in block.sublayers.map(\.mixer) {
        if let settings = attention.rotary { rotary.insert(settings) }
      }
    }
    let names = oracle.oracle.entries.map(\.name).filter { $0.hasPrefix("rope.inv_freq") }
    #expect(names.count == rotary.count)
    for name in names {
      let expected = try oracle.oracle.tensor(name).floats()
      #expect(
        rotary.contains { settings in
          settings.inverseFrequencies.count == expected.count
            && zip(settings.inverseFrequencies, expected).everySatisfies {
              abs($0 - Double($1)) <= 2e-6 * Double($1)
            }
        }, "\(name)")
    }
  }

  @Test(arguments: differentiated, [CK_ISA_PORTABLE, CK_ISA_AVX2, CK_ISA_AVX512])
  func gradientsOfABlockMeetTheReference(model: String, isa: ck_isa) throws {
    ck_isa_use(isa)
    defer { ck_isa_use(ck_isa_available()) }
    let oracle = try OracleModel(model)
    let isSecond = Self.differentiatedInSecond.contains(model)
    let file = try SafetensorsFile(
      opening: Fixtures.folder.appending(
        path: "models/\(model)/block_grad\(isSecond ? ".1" : "").safetensors"))
    let placed = oracle.description.blocks[isSecond ? 1 : 0]
    let block = try BlockProgram(
      placed.block, batch: oracle.sequences, tokens: oracle.tokens,
      device: oracle.device, training: .everything)
    try block.load(placed.name, from: oracle.checkpoint)
    let program = block.program
    let x = try file.tensor("x")
    x.withUnsafeBytes { program[range: block.input].upload($0) }
    program.forward()
    let output = try file.tensor("output")
    expectClose(tensor(program.output.pointer, output.shape), output, stateTolerance)

    let target = DeviceRange(oracle.device.makeBuffer(of: try file.tensor("target")))
    let sum = oracle.device.squaredError(
      program.output, target: target, count: x.count, gradient: program.outputGradient,
      factor: 2 / Float(x.count))
    let loss = try file.tensor("loss").floats()[0]
    #expect(abs(sum / Double(x.count) - Double(loss)) < lossTolerance)

    let expected = try Dictionary(
      uniqueKeysWithValues: file.entries.map { ($0.name, try file.tensor($0.name)) })
    var checked: Set<String> = ["grad.input"]
    program.backward { parameter, gradient in
      for part in program.parameterParts where part.parameter == parameter {
        let name = "grad.\(placed.name).\(part.name)"
        guard let expected = expected[name] else {
          Issue.record("the reference has no \(name)")
          continue
        }
        expectGradient(
          tensor(gradient.floats + part.rowOffset * part.columns, expected.shape), expected)
        checked.insert(name)
      }
    }
    expectGradient(
      tensor(program[gradientOf: block.input].pointer, x.shape), try file.tensor("grad.input"))
    #expect(checked == Set(file.entries.map(\.name).filter { $0.hasPrefix("grad.") }))
  }

  private func tensor(_ pointer: UnsafeRawPointer, _ shape: [Int]) -> Tensor {
    let floats = pointer.assumingMemoryBound(to: Float.self)
    return Tensor(
      Array(UnsafeBufferPointer(start: floats, count: shape.reduce(1, *))), shape: shape)
  }

  private func expectGradient(_ ours: Tensor, _ theirs: Tensor) {
    expectClose(ours, theirs, Tolerance(absolute: 1e-8, ofLargest: 1e-5))
  }

  /// Mean negative log-likelihood of each sequence's tokens but the first.
  private func nextTokenLoss(_ logits: [Float], ids: [Int], tokens: Int) -> Double {
    let columns = logits.count / ids.count
    var sum = 0.0
    var count = 0
    for row in ids.indices where (row + 1) % tokens != 0 {
      logits.withUnsafeBufferPointer { logits in
        let row = logits.baseAddress! + row * columns
        sum += ck_log_sum_exp(row, columns)
      }
      sum -= Double(logits[row * columns + ids[row + 1]])
      count += 1
    }
    return sum / Double(count)
  }
}
