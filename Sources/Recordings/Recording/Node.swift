/// A buffer of activations inside a program: a row for each token of the batch, or as ``Rows`` says.
package struct Value: Hashable, Sendable {
  package let index: Int

  package init(index: Int) { self.index = index }
}

/// Some neighbouring columns of a value: what an operation reads.
package struct Operand: Hashable, Sendable {
  package let value: Value
  package let columnOffset: Int
  package let columns: Int
}

/// Weights that a program is bound to, one block's after another.
package struct Parameter: Hashable, Sendable {
  package let index: Int

  package init(index: Int) { self.index = index }
}

/// What a sequence keeps from token to token at one place of a block.
package struct State: Hashable, Sendable {
  package let index: Int

  package init(index: Int) { self.index = index }
}

/// One recorded step: what is computed, of what, and what its gradient will need.
package struct Node: Hashable, Sendable {
  package let operation: Operation
  /// What the forward pass reads and the backward pass gives gradients to.
  package let inputs: [Operand]
  /// What the forward pass reads besides: nothing that could have a gradient.
  package var reads: [Value] = []
  /// What the forward pass writes: the result first, then values that only the backward pass reads.
  package let outputs: [Value]
  /// The values that the backward pass reads, besides the gradient of the result.
  package var saved: [Value] = []
  /// The parameters that it reads.
  package var parameters: [Parameter] = []
  /// What it keeps of a sequence that is run piece by piece.
  package var state: State?

  /// The result, which gradients flow back from.
  package var result: Value { outputs[0] }
}

/// What a node computes. Each kind is described where the recorder records it; how it is computed is a
/// device's affair.
package enum Operation: Hashable, Sendable {
  case addition
  case attention(AttentionShape)
  case combination
  case convolution(CausalConvolution)
  case dispatch
  case gate(ElementFunction)
  case groupedLinear
  case juxtaposition
  case keySelection(KeySelection)
  case linear(GradientPrecision)
  case norm(Normalization)
  case quantization(ActivationQuantization)
  case rotary(RotaryEmbedding)
  case routing(Router)
  case scaling(isConstant: Bool)
  case scan(Scan)

  /// The name of its kind: that of the case.
  package var name: String { Mirror(reflecting: self).children.first?.label ?? "\(self)" }

  /// Whether each operand's gradient is the result's, so that both can lie in the same memory.
  package var passesGradientOn: Bool { self == .addition }
}
