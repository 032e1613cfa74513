import Checkpoints
import Compute
import LanguageModels
import Tensors
import TestSupport
import Testing

@Suite struct CachedRunTests {
  /// A sequence that runs in pieces on cached keys and values gives what it gives in one piece.
  @Test(arguments: ["llama", "mistral", "qwen3"], [1, 7, 23])
  func piecesGiveWhatTheWholeGives(model: String, first: Int) throws {
    let oracle = try OracleModel(model)
    let tokens = OracleModel.tokens
    let ids = try oracle.oracle.tensor("input_ids").elements(as: Int64.self).map { Int($0) }
    let description = oracle.description
    let embedding = try TokenEmbedding(
      description.front, source: oracle.checkpoint, compute: .float32)
    func program(_ tokens: Int, positions: Int) throws -> BlockProgram {
      try BlockProgram(
        description.blocks[0].block, batch: 1, tokens: tokens, positions: positions,
        device: oracle.device, training: .nothing)
    }
    let start = try program(first, positions: tokens)
    let single = try program(1, positions: tokens)
    let sequences = description.blocks.map { _ in single.program.makeSequence(capacity: tokens) }
    var states: [Float] = []
    for piece in [0..<first] + (first..<tokens).map({ $0..<$0 + 1 }) {
      let block = piece.count == first && piece.lowerBound == 0 ? start : single
      let input = block.program[range: block.input]
      let pointer = input.pointer
      try embedding.write(ids[piece], to: input)
      let count = piece.count * description.hiddenSize
      for (placed, sequence) in zip(description.blocks, sequences) {
        try block.load(placed.name, from: oracle.checkpoint)
        block.program.sequence = sequence
        block.program.forward()
        pointer.copyMemory(from: block.program.output.pointer, byteCount: count * 4)
      }
      states += UnsafeBufferPointer(
        start: pointer.assumingMemoryBound(to: Float.self), count: count)
    }
    let expected = try oracle.oracle.tensor("hidden_states.2").floats()
    expectClose(states, Array(expected[..<states.count]), Tolerance(absolute: 3e-5))
  }
}
