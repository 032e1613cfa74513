import Diagnostics
import Foundation
import JSONText
public import Tensors

extension Checkpoint {
  /// Whether a tensor is made of others when it is read, so that it takes memory of its own.
  package func isMade(_ name: String) -> Bool { made?.takesMemory(name) ?? false }

  /// Bytes that reading a tensor takes for a while beside the tensor itself.
  package func passingByteCount(of name: String) -> Int { made?.passingByteCount(of: name) ?? 0 }

  /// Whether a weight was made with a row for each output.
  public func hasRowForEachOutput(_ weight: String) -> Bool {
    made?.hasRowForEachOutput(weight) ?? false
  }

  /// The tensors of the files as they are stored.
  package var storedTensors: [TensorInfo] { stored.names.compactMap(stored.info) }

  /// A slice of a stack along the first dimension, which is all that is read of it.
  ///
  /// - Parameters:
  ///   - shape: That of the whole stack.
  ///   - member: Which slice, below the first extent.
  /// - Throws: What ``tensor(_:shape:)`` throws.
  public func tensor(_ name: String, shape: [Int], member: Int) throws -> Tensor {
    precondition(shape.first.map { (0..<$0).contains(member) } ?? false)
    try requireTensor(name, shape: shape)
    if let made, made.info(name) != nil { return try made.read(name, member: member) }
    return TensorPlace(tensor: name, index: member).slice(of: try tensor(name))
  }

  /// Hands over a tensor in parts that are in memory one after another: the slices of a stack of matrices that is made,
  /// or all of it, as of depthwise convolutions, whose slices are tiny and many.
  package func forEachPart(
    of name: String, _ body: (_ member: Int?, Tensor) throws -> Void
  ) throws {
    guard let info = made?.info(name), info.shape.count > 2, info.shape[0] > 0, info.shape[1] > 1
    else {
      return try body(nil, tensor(name))
    }
    for member in 0..<info.shape[0] {
      try body(member, tensor(name, shape: info.shape, member: member))
    }
  }
}
