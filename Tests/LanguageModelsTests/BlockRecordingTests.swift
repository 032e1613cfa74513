import CPU
import Compute
import JSONText
import LanguageModels
import ModelFamilies
import Recordings
import Tensors
import TestSupport
import Testing

/// What is found out about a block by recording it.
@Suite struct BlockRecordingTests {
  private static let configuration: JSONValue = [
    "model_type": "qwen2", "vocab_size": 32, "hidden_size": 16, "intermediate_size": 24,
    "num_hidden_layers": 1, "num_attention_heads": 4, "num_key_value_heads": 2,
  ]

  private static var model: ModelDescription {
    get throws { try Architectures.describe(JSONReader(configuration)) }
  }

  @Test func listsFollowFromTheRecording() throws {
    let block = try Self.model.blocks[0].block
    #expect(
      block.linearLayers == [
        LayerSlot("self_attn.q_proj", outputs: 16, inputs: 16, hasBias: true),
        LayerSlot("self_attn.k_proj", outputs: 8, inputs: 16, hasBias: true),
        LayerSlot("self_attn.v_proj", outputs: 8, inputs: 16, hasBias: true),
        LayerSlot("self_attn.o_proj", outputs: 16, inputs: 16),
        LayerSlot("mlp.gate_proj", outputs: 24, inputs: 16),
        LayerSlot("mlp.up_proj", outputs: 24, inputs: 16),
        LayerSlot("mlp.down_proj", outputs: 16, inputs: 24),
      ])
    #expect(
      block.layersOfOneInput == [
        ["self_attn.q_proj", "self_attn.k_proj", "self_attn.v_proj"], ["self_attn.o_proj"],
        ["mlp.gate_proj", "mlp.up_proj"], ["mlp.down_proj"],
      ])
    #expect(block.attentionModules == ["self_attn"])
    #expect(
      block.parts.filter { $0.shape.count == 1 }.map(\.name) == [
        "input_layernorm.weight", "self_attn.q_proj.bias", "self_attn.k_proj.bias",
        "self_attn.v_proj.bias", "post_attention_layernorm.weight",
      ])
  }

  /// Layers with the same rounding read their input rounded once and run as one product; a layer of another kind
  /// between them has its own.
  @Test func roundingIsShared() throws {
    let placed = try Self.model.blocks[0]
    let bytes = ActivationQuantization(.fp8, isStatic: true, rule: .tuning)
    let tokens = ActivationQuantization(.fp8, rule: .tuning)
    var plan = ActivationPlan()
    for name in ["q_proj", "k_proj"] {
      plan.inputs["self_attn.\(name)"] = .init(bytes, scale: "shared")
    }
    plan.inputs["self_attn.v_proj"] = .init(tokens, scale: "unused")
    plan.values["self_attn"] = .init(bytes, scale: "values")
    #expect(plan.scales == ["shared", "values"])
    #expect(plan.isOfKeysOrValues("values") && !plan.isOfKeysOrValues("shared"))
    let program = try BlockProgram(
      placed.block, activations: plan, batch: 1, tokens: 3, device: CPUDevice(compute: .float32),
      training: .nothing)
    let parts = program.program.parameterParts
    #expect(parts.filter(\.isScale).map(\.name) == ["shared", "values"])
    let names = ["q_proj", "k_proj", "v_proj"].map { "self_attn.\($0).weight" }
    let parameters = names.map { name in parts.first { $0.name == name }?.parameter }
    #expect(parameters[0] == parameters[1] && parameters[1] != parameters[2])
  }

  /// Blocks that are equal in all that is recorded are of one kind.
  @Test func kindsDependOnThePlan() throws {
    let placed = try Self.model.blocks[0]
    var other = PlacedBlock(name: "elsewhere", block: placed.block)
    #expect(other.kind == placed.kind)
    other.activations.keys["self_attn"] = .init(
      ActivationQuantization(.fp8, isStatic: true, rule: .tuning), scale: "k")
    #expect(other.kind != placed.kind)
  }

  /// Blocks of Gemma 4 that are equal but for the columns that the front has made for them share a program.
  @Test func equalBlocksShareAProgramThatReadsTheColumnsOfEach() throws {
    let oracle = try OracleModel(
      "gemma4", changes: ["num_kv_shared_layers": 0, "use_double_wide_mlp": false])
    let blocks = oracle.description.blocks
    #expect(Set(blocks.map(\.kind)).count == 2)
    #expect(blocks[0].kind == blocks[2].kind && blocks[1].kind == blocks[3].kind)
    let size = try #require(oracle.description.front.blockInputs).size
    #expect(blocks.map(\.firstOwnColumn) == [0, size, 2 * size, 3 * size])

    let program = try BlockProgram(
      blocks[2].block, batch: 1, tokens: 3, device: oracle.device, training: .nothing)
    try program.load(blocks[0].name, from: oracle.checkpoint)
    var generator = SeededGenerator(seed: 1)
    let x = generator.normal(3 * blocks[0].block.width)
    let columns = (0..<4).map { _ in generator.normal(3 * size) }
    func answer(_ first: Int, _ columns: [[Float]]) -> [Float] {
      let carried = DeviceRange(oracle.device.makeBuffer(byteCount: 12 * size * 4))
      columns.flatMap(\.self).withUnsafeBytes { carried.upload($0) }
      x.withUnsafeBytes { program.program[range: program.input].upload($0) }
      program.firstOwnColumn = first
      program.readCarried(0, from: carried)
      program.program.forward()
      var output = x
      output.withUnsafeMutableBytes { program.program.output.download(into: $0) }
      return output
    }
    let third = answer(2 * size, columns)
    #expect(third == answer(0, [columns[2], columns[1], columns[0], columns[3]]))
    #expect(third != answer(0, columns))
  }

  /// A tied head is the token table only where the checkpoint has no head of its own.
  @Test func tiedHeads() throws {
    var configuration = Self.configuration
    configuration.set("tie_word_embeddings", true)
    let end = try Architectures.describe(JSONReader(configuration)).end
    #expect(end.found(in: Names(names: ["lm_head.weight"])).head.weight.tensor == "lm_head.weight")
    #expect(end.found(in: Names(names: [])).head.weight.tensor == "model.embed_tokens.weight")
    let untied = try Self.model.end
    #expect(untied.found(in: Names(names: [])) == untied)
  }
}

/// A source that knows names alone.
private struct Names: TensorSource {
  let names: Set<String>
  func contains(_ name: String) -> Bool { names.contains(name) }
  func tensor(_ name: String, shape: [Int]) throws -> Tensor {
    Tensor(zeros: shape, dtype: .float32)
  }
}
