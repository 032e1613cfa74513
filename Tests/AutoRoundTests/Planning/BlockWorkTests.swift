import JSONText
import LanguageModels
import ModelFamilies
import TestSupport
import Testing
import Tuning

/// What a block is counted to compute.
@Suite struct BlockWorkTests {
  /// A block with eight experts of 16 channels, of which a token chooses two; its attention has 4 times 8 times 8 weights.
  private func block(_ experts: Int) throws -> any DecoderBlock {
    let configuration: JSONValue = [
      "model_type": "qwen3_moe", "hidden_size": 8, "num_hidden_layers": 1,
      "num_attention_heads": 2, "num_key_value_heads": 2, "head_dim": 4, "vocab_size": 16,
      "intermediate_size": 16, "moe_intermediate_size": 16, "num_experts": JSONValue(experts),
      "num_experts_per_tok": 2,
    ]
    return try Architectures.describe(JSONReader(configuration)).blocks[0].block
  }

  @Test func tokensMeetTheExpertsThatTheyChoose() throws {
    let (small, large) = (BlockWork(try block(8)), BlockWork(try block(64)))
    let (attention, expert) = (4 * 64.0, 3 * 8 * 16.0)
    #expect(small.weights == attention + 8 * expert + 8 * 8)
    #expect(large.weights == attention + 64 * expert + 64 * 8)
    // Of routers a share is counted as of experts.
    let met = attention + 2 * expert + 2 * 8
    #expect(small.operations(3, 4) == 6 * 12 * (met + 2 * 4 * 8))
    #expect(large.operations(3, 4) == small.operations(3, 4))
    #expect(small.passesOfAllExperts == (8 * expert + 64) / met)
  }

  @Test func shapesFitTheBudget() throws {
    let work = BlockWork(try block(8))
    let whole = work.operations(8, 512)
    #expect(work.shape(batch: 8, tokens: 512, within: whole) == (8, 512))
    #expect(work.shape(batch: 8, tokens: 512, within: whole / 2) == (4, 512))
    let part = work.shape(batch: 8, tokens: 512, within: whole / 16)
    #expect(part.batch == 1 && part.tokens < 512)
    #expect(work.operations(1, part.tokens) <= whole / 16)
    #expect(work.shape(batch: 8, tokens: 512, within: 1) == (1, 64))
  }
}
