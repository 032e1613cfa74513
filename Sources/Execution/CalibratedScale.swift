package import Compute
import Diagnostics
import Quantization
package import Recordings
package import Tensors

/// The scale of activations that calibration finds, in a block's program.
///
/// FP8 and integers: the largest magnitude seen, times a factor in 0...1 that is tuned, over the greatest
/// number (``ActivationQuantization/greatest``). NVFP4: 448 * 6 over the largest magnitude, which is not
/// tuned.
package final class CalibratedScale {
  /// The tensor's name inside the block, `mlp.up_proj.input_scale`.
  package let name: String
  /// The program's name of the scale.
  package let parameter: Parameter
  /// Whether the factor is tuned.
  package let isTuned: Bool

  private let place: DeviceRange
  private let dtype: DType
  private let largest: Float
  private var factor: Float = 1
  private var best: Float = 1
  private var gradient: Float = 0

  /// The number that the largest magnitude becomes.
  private let greatest: Float

  /// - Parameters:
  ///   - part: The scale's place in the program.
  ///   - largest: The largest magnitude of the activations.
  ///   - dtype: The type that scales other than NVFP4's are stored in.
  /// - Throws: `notFinite` where the activations had an infinite or NaN element.
  package init(
    part: BoundPart, activations: QuantizedActivations, largest: Float, isTuned: Bool, dtype: DType
  ) throws {
    guard largest.isFinite else {
      throw InputError(
        .notFinite, place: part.name, "the activations have elements that are infinite or NaN")
    }
    name = part.name
    parameter = part.parameter
    self.isTuned = isTuned && activations.quantization.isStatic
    self.dtype = activations.quantization.isStatic ? dtype : .float32
    self.largest = largest
    greatest = activations.quantization.greatest
    isGlobal = !activations.quantization.isStatic
    place = part.range
  }

  private let isGlobal: Bool

  /// The scale as it is stored.
  package var value: Float {
    // Activations of nothing but zeros are zeros by any scale.
    if isGlobal { return largest == 0 ? 1 : FloatFormat.globalScale(ofLargest: largest) }
    let scale = max(largest * factor / greatest, FloatFormat.leastScale)
    return Tensor([scale], shape: [1]).converted(to: dtype).floats()[0]
  }

  /// Puts the current scale into the program.
  package func apply() {
    factor = min(max(factor, 0), 1)
    place.float = value
  }

  /// Adds to the gradient of the loss with respect to the scale.
  package func add(gradient more: Float) { gradient += more }

  /// One step of signed gradient descent on the factor.
  ///
  /// - Parameter momentum: What stays of the gradient for the next step.
  package func step(rate: Float, momentum: Float = 0) {
    defer { gradient = gradient.isFinite ? momentum * gradient : 0 }
    guard isTuned, largest * factor / greatest >= FloatFormat.leastScale else { return }
    if gradient > 0 { factor -= rate }
    if gradient < 0 { factor += rate }
  }

  package func keepBest() { best = factor }
  package func restoreBest() { factor = best }
}
