import Checkpoints
import Compute
import LanguageModels
import Recordings
import Tensors
import TestSupport
import Testing

@Suite struct CachedRunTests {
  /// A sequence that runs in pieces on cached keys and values gives what it gives in one piece.
  @Test(
    arguments: [
      "llama", "mistral", "qwen3", "bloom", "cohere2", "deepseek_v2", "deepseek_v3", "ernie4_5_moe",
      "falcon", "falcon_h1", "gemma2", "gemma3", "gemma3-vlm", "gemma4", "gemma4-moe", "glm4_moe",
      "glm4_moe_lite", "gpt2", "gpt_oss", "granitemoe", "granitemoehybrid", "hunyuan_v1_moe",
      "kimi_linear", "lfm2", "lfm2_moe", "llama4", "minimax_m2", "mistral3", "mixtral",
      "nemotron_h", "olmo3", "olmoe", "phi3", "qwen2_moe", "qwen3-moe", "qwen3_5", "qwen3_5-text",
      "qwen3_5_moe", "qwen3_next", "qwen3_vl_moe", "smollm3",
    ], [1, 7, 23])
  func piecesGiveWhatTheWholeGives(model: String, first: Int) throws {
    let oracle = try OracleModel(model)
    let (tokens, ids) = (oracle.tokens, oracle.ids)
    let description = oracle.description
    let embedding = try TokenEmbedding(
      description.front, source: oracle.checkpoint, compute: .float32)
    let sequences = try description.blocks.map { placed in
      try Pieces(placed, oracle, first: first)
    }
    var states: [Float] = []
    for piece in [0..<first] + (first..<tokens).map({ $0..<$0 + 1 }) {
      let count = piece.count * description.hiddenSize
      let input = DeviceRange(
        oracle.device.makeBuffer(byteCount: count * MemoryLayout<Float>.stride))
      try embedding.write(ids[piece], from: piece.lowerBound, to: input)
      var state = [Float](repeating: 0, count: count)
      state.withUnsafeMutableBytes { input.download(into: $0) }
      let carried = DeviceRange(
        oracle.device.makeBuffer(
          byteCount: max(1, piece.count * description.carriedColumns * MemoryLayout<Float>.stride)))
      try CarriedEmbedding(
        description.front, tokens: piece.count, source: oracle.checkpoint, device: oracle.device)?
        .write(ids[piece], embedded: input, to: carried)
      for sequence in sequences {
        state = sequence.answer(to: state, carried, isFirst: piece.lowerBound == 0)
      }
      states += state
    }
    let last = description.blocks.count
    let expected = try oracle.oracle.tensor("hidden_states.\(last)").floats()
    expectClose(states, Array(expected[..<states.count]), Tolerance(absolute: 3e-5))
  }

  /// A block with programs for the first piece and for single tokens.
  private struct Pieces {
    private let first: BlockProgram
    private let single: BlockProgram
    private let sequence: SequenceMemory

    init(_ placed: PlacedBlock, _ oracle: OracleModel, first: Int) throws {
      func program(_ tokens: Int) throws -> BlockProgram {
        let program = try BlockProgram(
          placed.block, batch: 1, tokens: tokens, positions: oracle.tokens, device: oracle.device,
          training: .nothing)
        try program.load(placed.name, from: oracle.checkpoint)
        program.firstOwnColumn = placed.firstOwnColumn
        return program
      }
      self.first = try program(first)
      single = try program(1)
      sequence = single.program.makeSequence(capacity: oracle.tokens)
    }

    func answer(to input: [Float], _ carried: DeviceRange, isFirst: Bool) -> [Float] {
      let block = isFirst ? first : single
      input.withUnsafeBytes { block.program[range: block.input].upload($0) }
      block.program.sequence = sequence
      block.readCarried(0, from: carried)
      block.program.forward()
      block.writeCarried(0, to: carried)
      var output = [Float](repeating: 0, count: input.count)
      output.withUnsafeMutableBytes { block.program.output.download(into: $0) }
      return output
    }
  }
}
