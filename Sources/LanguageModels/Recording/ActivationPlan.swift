package import Recordings

/// How a recording quantizes activations. Whoever records a block decides: blocks know nothing of it.
package struct ActivationPlan: Hashable, Sendable {
  /// How some activations are rounded.
  package struct Rounding: Hashable, Sendable {
    package var quantization: ActivationQuantization
    /// What the calibrated scale is called inside the block; nil if none is calibrated.
    package var scale: String?

    /// - Parameter scale: Only taken if the quantization has a calibrated scale.
    package init(_ quantization: ActivationQuantization, scale: String?) {
      self.quantization = quantization
      self.scale = quantization.hasCalibratedScale ? scale : nil
    }
  }

  /// The inputs of linear layers, by the layer's name inside the block; the others are read as they are.
  /// Layers that read the same values and have the same rounding, its scale included, read them rounded
  /// once.
  package var inputs: [String: Rounding] = [:]
  /// Keys, after their rotation, and values, by the name of the attention module inside the block.
  package var keys: [String: Rounding] = [:]
  package var values: [String: Rounding] = [:]

  /// Leaves all activations as they are.
  package init() {}

  /// The names of all calibrated scales inside the block, sorted.
  package var scales: [String] {
    Set([inputs, keys, values].flatMap { $0.values.compactMap(\.scale) }).sorted()
  }

  /// Whether a scale is one of keys or values.
  package func isOfKeysOrValues(_ scale: String) -> Bool {
    [keys, values].contains { $0.values.contains { $0.scale == scale } }
  }
}
