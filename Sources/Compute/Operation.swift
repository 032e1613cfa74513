/// A buffer of activations inside a program: `[rows, columns]`, one row for each token of the batch.
package struct Value: Hashable {
  package let index: Int
}

/// Some neighbouring columns of a value: what an operation reads.
package struct Operand: Hashable {
  package let value: Value
  package let columnOffset: Int
  package let columns: Int
}

/// Weights that a program is bound to, one block's after another.
package struct Parameter: Hashable {
  package let index: Int
}

/// One recorded step of a program: what it reads and writes, and how to run it forward and backward.
///
/// It holds what it prepared for one program, so a recording serves one program at a time. Each kind of
/// operation is one file. It is prepared once, when all shapes are known, and then run
/// thousands of times; where it trains, it allocates nothing while it runs.
protocol Operation: AnyObject {
  /// What the forward pass reads and the backward pass gives gradients to.
  var inputs: [Operand] { get }
  /// What the forward pass writes: the result first, then values that only the backward pass reads.
  var outputs: [Value] { get }
  /// The values that the backward pass reads, besides the gradient of the result.
  var savedForBackward: [Value] { get }
  /// The parameters that it reads.
  var parameters: [Parameter] { get }
  /// Bytes of scratch memory in each pass.
  var forwardScratch: Int { get }
  var backwardScratch: Int { get }

  /// Gets hold of everything that running needs.
  func prepare(in program: Program) throws
  /// Computes the outputs from the inputs.
  func forward(in program: Program)
  /// Computes the gradients of inputs and parameters from the gradient of the result.
  func backward(in program: Program)
}

extension Operation {
  var savedForBackward: [Value] { [] }
  var parameters: [Parameter] { [] }
  var forwardScratch: Int { 0 }
  var backwardScratch: Int { 0 }
  func prepare(in program: Program) throws {}

  /// The result, which gradients flow back from.
  var result: Value { outputs[0] }
}

/// Where an operation puts the gradient of one of its inputs.
struct GradientTarget {
  var pointer: UnsafeMutableRawPointer
  /// Elements from one row to the next.
  var rowStride: Int
  /// Whether something is there already that must be added to.
  var accumulates: Bool
}
