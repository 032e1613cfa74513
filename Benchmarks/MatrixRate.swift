import CPU
import Compute
import Foundation
import MatrixProducts
import Recordings

/// How fast this machine multiplies matrices through the library, at the shape of one linear layer.
struct MatrixRate {
  /// Operations in a second: the mean of the three products, forward, gradient to the input and gradient to
  /// the weight.
  var perSecond: Double

  /// The rate at the shape of the block's gate or up projection.
  ///
  /// - Parameters:
  ///   - rows: Tokens of a batch.
  ///   - type: Of the operands: bf16, f32 or int8.
  init(_ block: BlockShape, rows: Int, type: ProductElement) throws {
    let (inputs, outputs) = (block.hidden, block.intermediate)
    let (result, sums): (ProductElement, ProductElement) =
      type == .int8 ? (.int32, .int32) : (type, .float32)
    let shapes = [
      ProductShape(m: rows, n: outputs, k: inputs, transposesB: true, input: type, output: result),
      ProductShape(m: rows, n: inputs, k: outputs, input: type, output: result),
      ProductShape(m: outputs, n: inputs, k: rows, transposesA: true, input: type, output: sums),
    ]
    let operations = 2 * Double(rows) * Double(inputs) * Double(outputs)
    let rates = try shapes.map {
      operations / (try ProductTiming.seconds($0, repetitions: 5))
    }
    perSecond = rates.reduce(0, +) / Double(rates.count)
  }

  /// The rates of all types at each block's shape, a line for each block.
  static func table(_ blocks: [(BlockShape, rows: Int)]) throws -> [String] {
    let types: [ProductElement] =
      [.float32] + (ComputeType.bfloat16.isAvailable ? [.bfloat16, .int8] : [])
    return try blocks.map { block, rows in
      let rates = try types.map { type in
        String(
          format: "\(type.rawValue) %.0f",
          try MatrixRate(block, rows: rows, type: type).perSecond / 1e9)
      }
      return "  \(block.name), \(rows) tokens".padding(toLength: 34, withPad: " ", startingAt: 0)
        + rates.joined(separator: ", ")
    }
  }
}
