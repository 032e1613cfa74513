import Foundation
package import GGUF
package import Tensors

/// One tensor of a model in GGUF: what it is called there, and what it is made of.
package struct GGUFTensorOutline: Hashable, Sendable {
  package var name: String
  /// Outermost dimension first, as elsewhere in this program; files in GGUF have them the other way round.
  package var shape: [Int]
  package var content: Content
  /// In which order the rows of each source are.
  package var rows = RowOrder.asStored
  /// The order of blocks of columns, where these change places as rows do in others.
  package var columns = RowOrder.asStored
  package var function = ElementChange.none

  /// Whether it is stored in f32 whatever types the other tensors get: vectors, norms, routers and small convolutions.
  package var isAlwaysFloat32: Bool {
    !GGUFTensorRole.isQuantized(name, dimensionCount: shape.count)
  }

  /// Where the numbers come from.
  package enum Content: Hashable, Sendable {
    /// A tensor, or several of the same shape one after the other along a new first dimension. Weights of linear layers
    /// are called `<layer>.weight` with a row for each output, wherever files have them.
    case tensors([String], shape: [Int])
    /// Numbers that follow from the configuration.
    case numbers([Float])
  }

  /// What is done to each number.
  package enum ElementChange: Hashable, Sendable {
    case none
    /// Norms whose weights are stored as differences from 1.
    case plusOne
    /// `-exp(x)`, of decays that are stored as logarithms.
    case negatedExponential

    /// What the number was before.
    func undone(_ y: Float) -> Float {
      switch self {
      case .none: y
      case .plusOne: y - 1
      case .negatedExponential: logf(-y)
      }
    }

    func callAsFunction(_ x: Float) -> Float {
      switch self {
      case .none: x
      case .plusOne: x + 1
      case .negatedExponential: -expf(x)
      }
    }
  }

  /// The tensors of the source that it is made of.
  package var sources: [String] {
    if case .tensors(let names, _) = content { names } else { [] }
  }

  /// The linear layer that it is the weight of: those of a stack, in order; none for other tensors.
  package var layers: [String] {
    shape.count < 2 ? [] : sources.filter { $0.hasSuffix(".weight") }.map { String($0.dropLast(7)) }
  }

  /// The outline of each tensor of a stack, in order; of any other itself alone.
  package var members: [GGUFTensorOutline] {
    guard case .tensors(let names, let shape) = content, names.count > 1 else { return [self] }
    return names.map { name in
      var member = self
      member.content = .tensors([name], shape: shape)
      member.shape.removeFirst()
      return member
    }
  }

  /// The numbers, where the tensor is not quantized.
  ///
  /// - Parameter source: One that has a weight of its own for each linear layer.
  package func numbers(from source: any TensorSource) throws -> [Float] {
    switch content {
    case .numbers(let numbers): return numbers
    case .tensors(let names, let shape):
      var result: [Float] = []
      result.reserveCapacity(self.shape.reduce(1, *))
      for name in names {
        result += applied(to: try source.tensor(name, shape: shape).floats(), shape: shape)
      }
      return result
    }
  }

  /// The numbers as ``numbers(from:)`` gives them, a few million at a time where rows and columns keep their places.
  ///
  /// - Parameter body: Told the first row of each piece, which is a part of this shape.
  package func forEachPiece(
    from source: any TensorSource, _ body: (_ row: Int, Tensor) throws -> Void
  ) throws {
    guard case .tensors(let names, let stored) = content, names.count == 1, shape.count == 2,
      stored == shape, rows == .asStored, columns == .asStored
    else {
      return try body(0, Tensor(numbers(from: source), shape: shape))
    }
    let whole = try source.tensor(names[0], shape: shape)
    for range in RowPieces.ranges(of: shape[0], rowSize: shape[1], limit: 1 << 22) {
      let part = whole.slice(range)
      try body(
        range.lowerBound, Tensor(applied(to: part.floats(), shape: part.shape), shape: part.shape))
      part.releasePages()
    }
  }

  /// What the numbers of a source become.
  private func applied(to numbers: [Float], shape: [Int]) -> [Float] {
    let perRow = shape.dropFirst().reduce(1, *)
    var numbers = numbers
    if function != .none { numbers = numbers.map { function($0) } }
    numbers = rows.applied(to: numbers, perRow: perRow)
    if columns != .asStored {
      numbers = stride(from: 0, to: numbers.count, by: perRow).flatMap {
        columns.applied(to: Array(numbers[$0..<$0 + perRow]), perRow: 1)
      }
    }
    return numbers
  }

  /// The numbers of a source that became these.
  ///
  /// - Parameter shape: That of the source.
  func undone(in numbers: [Float], shape: [Int]) -> [Float] {
    let perRow = shape.dropFirst().reduce(1, *)
    var numbers = numbers
    if columns != .asStored {
      numbers = stride(from: 0, to: numbers.count, by: perRow).flatMap {
        columns.undone(in: Array(numbers[$0..<$0 + perRow]), perRow: 1)
      }
    }
    numbers = rows.undone(in: numbers, perRow: perRow)
    return function == .none ? numbers : numbers.map { function.undone($0) }
  }

  /// Whether the numbers are those of the sources, in their order.
  var isUnchanged: Bool { rows == .asStored && columns == .asStored && function == .none }
}
