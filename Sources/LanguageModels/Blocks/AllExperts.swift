package import Recordings

/// A mixture of experts in a recorded block.
package struct Mixture {
  package var experts: Experts
  /// What it reads, a row for each token.
  package var input: Value
}

/// The experts of a block by themselves, each of which gets every row, as if all tokens had chosen it: a block that is
/// run for what its layers read. Its answer is of no use.
package struct AllExperts: DecoderBlock {
  /// Columns of what the experts read.
  package let width: Int
  /// The experts as they are in the block, where tokens choose some of them.
  package let experts: Experts

  package init(_ experts: Experts, width: Int) { (self.experts, self.width) = (experts, width) }

  package func record(_ x: Value, in recorder: inout BlockRecorder) -> Value {
    var experts = experts
    experts.routing.perToken = experts.routing.experts
    experts.routing.groups = nil
    let routing = experts.choice(x, in: &recorder)
    let read = experts.inputNorm.map { recorder.norm($0, x) } ?? x
    return experts.answers(read, routing, in: &recorder)
  }
}

/// A block that leaves what its experts have read where it can be found after a run.
private struct KeepingExpertInputs<Block: DecoderBlock>: DecoderBlock {
  var block: Block
  var width: Int { block.width }

  func record(_ x: Value, in recorder: inout BlockRecorder) -> Value {
    let answer = block.record(x, in: &recorder)
    for mixture in recorder.mixtures { recorder.operations.keep(mixture.input) }
    return answer
  }
}

extension DecoderBlock {
  /// The same block, whose ``Mixture/input`` can be read after a run.
  package var keepingExpertInputs: any DecoderBlock { KeepingExpertInputs(block: self) }
}
