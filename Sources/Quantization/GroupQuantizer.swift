package import CKernels
package import Compute
package import Tensors

/// What tuning the rounding of a weight is for all kinds of numbers: parameters of ``ParameterState``, and kernels
/// that know the numbers.
///
/// - Parameter Layer: What the kernels see of a weight and its parameters.
package class GroupQuantizer<Layer: QuantizerLayer>: MatrixSource {
  package let arguments: QuantizationArguments
  package let scaleDType: DType
  package var rows: Int { grouping.rows }
  package var columns: Int { grouping.columns }

  let state: ParameterState
  var layer: Layer
  /// Whether scales and zero points stay as a search has left them.
  var hasSearchedScales = false
  private let kernels: QuantizerKernels<Layer>

  var grouping: WeightGrouping { state.grouping }
  var parameterCount: Int { state.parameterCount }
  /// The gradients of the range scales, like these themselves.
  private var rangeGradients: UnsafeMutablePointer<Float> { state.derived + 4 * parameterCount }

  init(
    _ state: ParameterState, _ layer: Layer, _ kernels: QuantizerKernels<Layer>,
    arguments: QuantizationArguments, scaleDType: DType
  ) {
    (self.state, self.layer, self.kernels) = (state, layer, kernels)
    (self.arguments, self.scaleDType) = (arguments, scaleDType)
  }

  package func quantizeDequantize(
    into output: UnsafeMutableRawPointer, dtype: DType, rowStride: Int
  ) {
    precondition(dtype == .bfloat16 || dtype == .float32, "weights are computed in bf16 or f32")
    precondition(rowStride >= columns)
    updateScales()
    write(rowCount: rows, columnCount: columns, into: output, dtype: dtype, rowStride: rowStride)
  }

  package func source() -> any MatrixSource {
    updateScales()
    return self
  }

  package func write(
    rows: Range<Int>, columns: Range<Int>, into output: UnsafeMutableRawPointer, dtype: DType,
    rowStride: Int
  ) {
    if let codes = state.finalCodes {
      return grouping.dequantize(
        codes, kernels.meaning(layer), rows: rows, columns: columns, into: output, dtype: dtype,
        rowStride: rowStride)
    }
    let type = dtype == .bfloat16 ? CK_BF16 : CK_F32
    withUnsafePointer(to: layer) {
      kernels.quantize(
        $0, output, type, rowStride, rows.lowerBound, rows.upperBound, columns.lowerBound,
        columns.upperBound)
    }
  }

  package func step(
    gradient: UnsafePointer<Float>, learningRate: Float, rangeLearningRate: Float
  ) {
    state.requireTuned()
    makeOffsets(unit: nil)
    forRanges(of: rows) {
      kernels.update($0, gradient, learningRate, state.sums, state.sumCount, $1, $2)
    }
    computeRangeGradients()
    ck_sign_step(state.ranges, rangeGradients, rangeLearningRate, state.rangeCount)
  }

  package func makeOffsets(unit: Float?) {
    state.requireTuned()
    state.offsets.make(unit: unit)
    layer.offsets = state.offsets.layer
  }

  package func keepBest() {
    updateScales()
    state.keepBest(codes: writeCodes)
  }

  package func restoreBest() {
    state.restoreBest()
    layer.offsets = state.offsets.layer
    updateScales()
  }

  // MARK: Parameters and gradients, one by one

  /// V `[rows, columns]`, and the range scales of least and greatest weights: sets what is given, V as f32.
  /// Where a group has one range scale, it is beta.
  package func setParameters(values: [Float]?, alpha: [Float]? = nil, beta: [Float]?) {
    if let values {
      state.requireTuned()
      state.offsets.numbers = values
      layer.offsets = state.offsets.layer
    }
    state.set(state.ranges, to: alpha)
    state.set(state.ranges + betaOffset, to: beta)
    updateScales()
  }

  /// The current V, alpha and beta.
  package var parameters: (values: [Float], alpha: [Float], beta: [Float]) {
    state.requireTuned()
    return (
      state.offsets.numbers, state.parameters(state.ranges),
      state.parameters(state.ranges + betaOffset)
    )
  }

  /// The gradients that ``step(gradient:learningRate:rangeLearningRate:)`` takes the signs of.
  package func gradients(
    of gradient: UnsafePointer<Float>
  ) -> (values: [Float], alpha: [Float], beta: [Float]) {
    state.requireTuned()
    let values: [Float] = state.elements { values in
      forRanges(of: rows) {
        kernels.gradients($0, gradient, values, state.sums, state.sumCount, $1, $2)
      }
    }
    computeRangeGradients()
    return (
      values, state.parameters(rangeGradients), state.parameters(rangeGradients + betaOffset)
    )
  }

  private var betaOffset: Int { max(0, state.rangeCount - parameterCount) }

  // MARK: Parts

  func updateScales() {
    guard !hasSearchedScales else { return }
    forRanges(of: parameterCount, kernels.scales)
  }

  /// The codes of all elements.
  func codes() -> Tensor { state.finalCodes ?? state.codes(writeCodes) }

  /// Writes the codes that the current parameters give.
  private func writeCodes(_ codes: UnsafeMutablePointer<UInt8>) {
    forRanges(of: rows) { kernels.codes($0, codes, $1, $2) }
  }

  private func computeRangeGradients() {
    state.addRowsUp()
    forRanges(of: parameterCount) {
      kernels.rangeGradients($0, state.sums, state.sumCount, rangeGradients, parameterCount, $1, $2)
    }
  }

  /// Calls `body` with what kernels see, and with each range of so many rows or parameter sets.
  func forRanges(of count: Int, _ body: (UnsafePointer<Layer>, Int, Int) -> Void) {
    withUnsafePointer(to: layer) { layer in
      ThreadTeam.forRanges(of: count) { begin, end in body(layer, begin, end) }
    }
  }
}

/// What kernels see of a weight, of any kind of number.
package protocol QuantizerLayer {
  var offsets: ck_offsets { get set }
}

extension ck_int_layer: QuantizerLayer {}
extension ck_float_layer: QuantizerLayer {}
extension ck_block_layer: QuantizerLayer {}

/// The loops over the weight of a layer that know a kind of number. The last two arguments of each are the range of its
/// rows, or of its parameter sets, where nothing else is said.
struct QuantizerKernels<Layer> {
  typealias Numbers = UnsafeMutablePointer<Float>

  /// Scales of parameter sets.
  let scales: (UnsafePointer<Layer>, Int, Int) -> Void
  /// Rounded weights, of a type, into rows with a stride; the last arguments are ranges of rows and of columns.
  let quantize:
    (UnsafePointer<Layer>, UnsafeMutableRawPointer, ck_element, Int, Int, Int, Int, Int) -> Void
  /// Codes of rows.
  let codes: (UnsafePointer<Layer>, UnsafeMutablePointer<UInt8>, Int, Int) -> Void
  /// What codes stand for with the scales of a layer.
  let meaning: (Layer) -> CodeMeaning
  /// Moves V by the signs of gradients at a rate, and sums up: into arrays of so many sums each.
  let update: (UnsafePointer<Layer>, UnsafePointer<Float>, Float, Numbers, Int, Int, Int) -> Void
  /// The gradients of V, and the same sums.
  let gradients:
    (UnsafePointer<Layer>, UnsafePointer<Float>, Numbers, Numbers, Int, Int, Int) -> Void
  /// From sums to the gradients of range scales, arrays of so many each.
  let rangeGradients: (UnsafePointer<Layer>, Numbers, Int, Numbers, Int, Int, Int) -> Void
}
