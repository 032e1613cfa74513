package import Compute
package import LanguageModels

/// What a block that is tuned should answer.
package protocol TuningTargets {
  /// The answer for a sample in the program's type, valid until the next call.
  subscript(_ sample: Int) -> DeviceRange { get }
}

/// Answers that were computed before: those of a decoder block in full precision.
extension ActivationCache: TuningTargets {}

/// The logits of the original head, computed each time they are asked for: all of them would take far
/// more memory than the hidden states that they come from.
package final class HeadTargets: TuningTargets {
  private let head: BlockProgram
  private let inputs: ActivationCache

  /// - Parameters:
  ///   - head: The program of the original head, for one sequence.
  ///   - inputs: The last block's outputs in full precision.
  package init(_ head: BlockProgram, inputs: ActivationCache) {
    self.head = head
    self.inputs = inputs
  }

  package subscript(_ sample: Int) -> DeviceRange {
    head.gather(CollectionOfOne(sample), from: inputs)
    head.program.forward()
    return head.program.output
  }
}
