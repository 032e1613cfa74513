import Tensors

/// Integers with biases in the place of zero points, as MLX has them.
extension QuantizedWeight {
  /// What is added to `scale * code`, in the type of scales: ``biases``, or the products of scales and zero points,
  /// rounded to nearest. Those of a symmetric weight are exact, as its zero point is a power of two.
  package var storedBiases: [Float] {
    if let biases { return biases }
    let products = scales.indices.map { -(scales[$0] * zeroPoint($0)) }
    return Tensor(products, shape: [products.count]).converted(to: scaleDType).floats()
  }

  /// The zero points with which scales give all of some biases to the bit; nil if there are none.
  package static func zeroPoints(
    ofBiases biases: [Float], scales: [Float], bitCount: Int
  ) -> [UInt8]? {
    let bound = Float(1 << bitCount)
    var points: [UInt8] = []
    points.reserveCapacity(biases.count)
    for (bias, scale) in zip(biases, scales) {
      let quotient = scale == 0 ? bound / 2 : (-bias / scale).rounded()
      guard quotient >= 0, quotient < bound else { return nil }
      let point = UInt8(quotient)
      // The product of a scale and an integer of 8 bits is exact in f64. Zeros have signs.
      guard (-(scale * Float(point))).bitPattern == bias.bitPattern,
        Double(scale) * Double(point) == -Double(bias)
      else { return nil }
      points.append(point)
    }
    return points
  }
}
