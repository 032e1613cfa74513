import Compute

/// How fast this machine multiplies matrices through the library, at the shape of one linear layer.
struct MatrixRate {
  /// Floating-point operations in a second: the mean of the three products, forward, gradient to the input
  /// and gradient to the weight.
  var perSecond: Double

  /// - Parameter type: Of the operands: bf16, f32 or int8.
  init(rows: Int, inputs: Int, outputs: Int, type: ProductElement) throws {
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
}
