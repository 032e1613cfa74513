import CPU
package import LanguageModels
import MatrixProducts
package import Recordings

/// What a block computes.
package struct BlockWork {
  private let block: any DecoderBlock
  /// Weights of all linear layers.
  package let weights: Double
  /// Those of them that a token meets.
  private let weightsOfToken: Double
  /// Forward passes of the block that take as long as one of all its experts on all tokens.
  package let passesOfAllExperts: Double

  package init(_ block: any DecoderBlock) {
    self.block = block
    func sum(_ block: any DecoderBlock) -> Double {
      block.linearLayers.reduce(0) { $0 + Double($1.outputs) * Double($1.inputs) }
    }
    var (all, chosen) = (0.0, 0.0)
    for experts in block.allExperts {
      let own = sum(experts)
      all += own
      chosen +=
        own * Double(experts.experts.routing.perToken) / Double(experts.experts.experts.count)
    }
    weights = sum(block)
    weightsOfToken = weights - all + chosen
    passesOfAllExperts = all / max(weightsOfToken, 1)
  }

  /// Floating-point operations of a step: the three products of each layer with the rows that reach it, and those of
  /// attention.
  package func operations(_ batch: Int, _ tokens: Int) -> Double {
    // Queries with keys and the mixing of values, under the causal mask, and both passes back.
    let attention = 2.0 * Double(tokens) * Double(block.width)
    return 6 * Double(batch * tokens) * (weightsOfToken + attention)
  }

  /// Operations in a second, by the block's largest product.
  package func productRate(compute: ComputeType) throws -> Double {
    let largest = block.linearLayers.max { $0.outputs * $0.inputs < $1.outputs * $1.inputs }
    guard let largest else { return 1e9 }
    let shape = ProductShape(
      m: 256, n: largest.outputs, k: largest.inputs, transposesB: true, input: compute.product,
      output: compute.product)
    let seconds = try ProductTiming.seconds(shape, repetitions: 3)
    return 2 * 256 * Double(largest.outputs) * Double(largest.inputs) / max(seconds, 1e-6)
  }

  /// As much of a step as takes about `budget` operations: fewer samples, or a part of one.
  package func shape(batch: Int, tokens: Int, within budget: Double) -> (batch: Int, tokens: Int) {
    let whole = operations(batch, tokens)
    guard whole > budget else { return (batch, tokens) }
    let samples = Int(Double(batch) * budget / whole)
    if samples >= 1 { return (samples, tokens) }
    var part = tokens
    while part > 64, operations(1, part) > budget { part = (part + 1) / 2 }
    return (1, part)
  }
}
