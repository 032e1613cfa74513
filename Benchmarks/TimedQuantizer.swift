import Compute
import Diagnostics
import Quantization
import Tensors

/// A quantizer that adds up the time that its two passes take.
final class TimedQuantizer: WeightQuantizer {
  private let base: any WeightQuantizer
  private(set) var quantizing = 0.0
  private(set) var stepping = 0.0

  init(_ base: any WeightQuantizer) { self.base = base }

  /// Counts from here on.
  func reset() { (quantizing, stepping) = (0, 0) }

  var rows: Int { base.rows }
  var columns: Int { base.columns }

  func quantizeDequantize(into output: DeviceRange, dtype: DType, rowStride: Int) {
    let start = ContinuousClock.now
    base.quantizeDequantize(into: output, dtype: dtype, rowStride: rowStride)
    quantizing += (ContinuousClock.now - start) / .seconds(1)
  }

  func step(gradient: DeviceRange, learningRate: Float, rangeLearningRate: Float) {
    let start = ContinuousClock.now
    base.step(
      gradient: gradient, learningRate: learningRate, rangeLearningRate: rangeLearningRate)
    stepping += (ContinuousClock.now - start) / .seconds(1)
  }

  func source() -> any MatrixSource { base.source() }
  func makeOffsets(unit: Float?) { base.makeOffsets(unit: unit) }
  func keepBest() { base.keepBest() }
  func restoreBest() { base.restoreBest() }
  func searchScales(importance: [Float]?) { base.searchScales(importance: importance) }
  func finished() throws(InputError) -> QuantizedWeight { try base.finished() }
}
