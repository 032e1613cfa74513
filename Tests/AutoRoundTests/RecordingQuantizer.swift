import Compute
import Diagnostics
import Quantization
import Tensors

/// A quantizer that keeps the gradients of its first step, and the parameters after it.
final class RecordingQuantizer: WeightQuantizer {
  let base: IntegerWeightQuantizer
  var gradients: (values: [Float], alpha: [Float], beta: [Float])?
  var stepped: (values: [Float], alpha: [Float], beta: [Float]) = ([], [], [])

  init(_ base: IntegerWeightQuantizer) { self.base = base }
  var rows: Int { base.rows }
  var columns: Int { base.columns }
  func quantizeDequantize(into output: DeviceRange, dtype: DType, rowStride: Int) {
    base.quantizeDequantize(into: output, dtype: dtype, rowStride: rowStride)
  }
  func step(gradient: DeviceRange, learningRate: Float, rangeLearningRate: Float) {
    gradients = base.gradients(of: gradient.floats)
    base.step(
      gradient: gradient, learningRate: learningRate, rangeLearningRate: rangeLearningRate)
    stepped = base.parameters
  }
  func source() -> any MatrixSource { base.source() }
  func makeOffsets(unit: Float?) { base.makeOffsets(unit: unit) }
  func keepBest() { base.keepBest() }
  func restoreBest() { base.restoreBest() }
  func searchScales(importance: [Float]?) { base.searchScales(importance: importance) }
  func finished() throws(InputError) -> QuantizedWeight { try base.finished() }
}
