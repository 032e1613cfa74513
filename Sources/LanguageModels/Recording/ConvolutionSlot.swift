package import Recordings

/// A causal depthwise convolution of a block, with the places of its numbers.
package struct ConvolutionSlot: Hashable, Sendable {
  /// The parts of the weight, one under the other: columns that have tensors of their own.
  package var parts: [Part]
  package var kind: CausalConvolution

  package struct Part: Hashable, Sendable {
    package var weight: StoredMatrix
    /// Nil for none; all parts have one, or none has.
    package var bias: StoredMatrix?
    package var columns: Int

    package init(
      weight: StoredMatrix, bias: StoredMatrix? = nil, columns: Int
    ) {
      self.weight = weight
      self.bias = bias
      self.columns = columns
    }
  }

  /// Convolutions without a bias, beside each other, of so many columns each.
  package init(_ names: [String], columns: Int, kind: CausalConvolution) {
    self.kind = kind
    parts = names.map {
      Part(weight: StoredMatrix("\($0).weight"), bias: nil, columns: columns)
    }
  }

  /// A convolution whose weight is `<name>.weight`, `[columns, 1, taps]`, and its bias `<name>.bias`.
  package init(_ name: String, columns: Int, hasBias: Bool, kind: CausalConvolution) {
    self.kind = kind
    parts = [
      Part(
        weight: StoredMatrix("\(name).weight"),
        bias: hasBias ? StoredMatrix("\(name).bias") : nil, columns: columns)
    ]
  }

  package var columns: Int { parts.reduce(0) { $0 + $1.columns } }
}
