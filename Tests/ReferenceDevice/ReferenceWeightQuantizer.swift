import Compute
import Diagnostics
import Quantization
import Recordings
import Tensors

/// The tuning of a weight to integers in f64, as `fake_quant.h` writes it down: one step after another, nothing fused.
///
/// It holds its parameters itself. Scales are rounded to the type in which they are stored, as they must be; the weight
/// that a program reads, to the program's type.
final class ReferenceWeightQuantizer: WeightQuantizer {
  private struct Parameters {
    var offsets: [Double]
    var alpha: [Double]
    var beta: [Double]
  }

  /// What a parameter set comes to.
  private struct Scale {
    var number: Double
    var zero: Double
    var low: Double
    var high: Double
    /// Whether it is the least scale there is, which no gradient moves.
    var isLeast: Bool
  }

  /// What becomes of an element.
  private struct Rounded {
    var quotient: Double
    var offset: Double
    var isInside: Bool
  }

  private let arguments: QuantizationArguments
  private let scaleDType: DType
  private let grouping: WeightGrouping
  private let weight: [Double]
  /// The ranges of parameter sets, zero included.
  private var least: [Double]
  private var greatest: [Double]
  private var current: Parameters
  private var best: Parameters

  var rows: Int { grouping.rows }
  var columns: Int { grouping.columns }
  /// The least and the greatest integer; the least of symmetric ones is -M.
  private var grid: (low: Double, high: Double) {
    let half = Double(1 << (arguments.bitCount - 1))
    return arguments.isSymmetric ? (-half, half - 1) : (0, 2 * half - 1)
  }

  init(
    weight: Tensor, arguments: QuantizationArguments, scaleDType: DType
  ) throws(InputError) {
    self.arguments = arguments
    self.scaleDType = scaleDType
    grouping = try arguments.grouping(rows: weight.shape[0], columns: weight.shape[1])
    self.weight = weight.floats().map(Double.init)
    let count = grouping.parameterCount
    least = Array(repeating: 0, count: count)
    greatest = least
    let ones = Array(repeating: 1.0, count: count)
    current = Parameters(
      offsets: Array(repeating: 0, count: weight.count), alpha: ones, beta: ones)
    best = current
    forEach { element, set in
      least[set] = min(least[set], self.weight[element])
      greatest[set] = max(greatest[set], self.weight[element])
    }
  }

  func quantizeDequantize(into output: DeviceRange, dtype: DType, rowStride: Int) {
    let scales = scales
    var numbers = weight
    forEach { element, set in
      numbers[element] = scales[set].number * rounded(element, scales[set]).offset
    }
    let type: ComputeType = dtype == .bfloat16 ? .bfloat16 : .float32
    for row in 0..<rows {
      (output + row * rowStride * dtype.byteCount).write(
        numbers[row * columns..<(row + 1) * columns].map { Float($0) }, type)
    }
  }

  func step(gradient: DeviceRange, learningRate: Float, rangeLearningRate: Float) {
    let dy = gradient.numbers(weight.count, .float32).map { $0.isNaN ? 0 : Double($0) }
    let scales = scales
    var sums = Array(repeating: (q: 0.0, x: 0.0, clip: 0.0), count: scales.count)
    forEach { element, set in
      let (d, r) = (dy[element], rounded(element, scales[set]))
      sums[set].q += d * r.offset
      guard r.isInside else {
        sums[set].clip -= d
        return
      }
      sums[set].x += d * r.quotient
      current.offsets[element] -= Double(learningRate) * sign(d * scales[set].number)
    }
    for (set, scale) in scales.enumerated() {
      let slopes = slopes(scale, sums[set], least: least[set], greatest: greatest[set])
      current.alpha[set] -= Double(rangeLearningRate) * sign(slopes.alpha)
      current.beta[set] -= Double(rangeLearningRate) * sign(slopes.beta)
    }
  }

  func source() -> any MatrixSource {
    preconditionFailure("the reference has memory for every matrix")
  }
  func makeOffsets(unit: Float?) {}
  func keepBest() { best = current }
  func restoreBest() { current = best }

  func searchScales(importance: [Float]?) {
    preconditionFailure("the reference tunes what rounding to nearest begins with")
  }

  func finished() throws(InputError) -> QuantizedWeight {
    let scales = scales
    var codes = [UInt8](repeating: 0, count: weight.count)
    forEach { element, set in
      let scale = scales[set]
      codes[element] = UInt8(rounded(element, scale).offset + scale.zero - grid.low)
    }
    return try arguments.weight(
      grouping: grouping, codes: codes, scales: scales.map { Float($0.number) },
      zeroPoints: arguments.isSymmetric ? nil : scales.map { UInt8($0.zero) }, globalScale: nil,
      like: Tensor(zeros: [rows, columns], dtype: scaleDType))
  }

  // MARK: Formulas

  private func forEach(_ body: (_ element: Int, _ set: Int) -> Void) {
    for row in 0..<rows {
      for group in 0..<grouping.groups {
        let set = grouping.parameter(row: row, group: group)
        for column in grouping.columns(ofGroup: group) { body(row * columns + column, set) }
      }
    }
  }

  /// The scales of the current parameters, which are brought into their range.
  private var scales: [Scale] {
    least.indices.map { set in
      let alpha = min(max(current.alpha[set], 0), 1)
      let beta = min(max(current.beta[set], 0), 1)
      (current.alpha[set], current.beta[set]) = (alpha, beta)
      let (low, high) = (least[set] * alpha, greatest[set] * beta)
      var number =
        arguments.isSymmetric
        ? (high < -low ? -low : -high) / -grid.low : (high - low) / grid.high
      number = stored(number)
      let theta = scaleDType == .float32 ? 1e-8 : stored(1e-5)
      let isLeast = abs(number) < theta
      if isLeast { number = number < 0 ? -theta : theta }
      let zero =
        arguments.isSymmetric
        ? 0 : min(max((-low / number).rounded(.toNearestOrEven), 0), grid.high)
      return Scale(number: number, zero: zero, low: low, high: high, isLeast: isLeast)
    }
  }

  private func stored(_ number: Double) -> Double {
    Double(Tensor([Float(number)], shape: [1]).converted(to: scaleDType).floats()[0])
  }

  private func rounded(_ element: Int, _ scale: Scale) -> Rounded {
    let quotient = weight[element] / scale.number
    let free = (quotient + current.offsets[element]).rounded(.toNearestOrEven) + scale.zero
    let q = min(max(free, grid.low), grid.high)
    return Rounded(quotient: quotient, offset: q - scale.zero, isInside: q == free)
  }

  /// The gradients of alpha and beta.
  private func slopes(
    _ scale: Scale, _ sums: (q: Double, x: Double, clip: Double), least: Double, greatest: Double
  ) -> (alpha: Double, beta: Double) {
    let (s, low, high) = (scale.number, scale.low, scale.high)
    let dz = arguments.isSymmetric ? 0 : s * sums.clip
    let ds = scale.isLeast ? 0 : sums.q - sums.x + dz * low / (s * s)
    guard arguments.isSymmetric else {
      let d = ds / grid.high
      return (least * (-d - dz / s), greatest * d)
    }
    let d = (high < -low ? ds : -ds) / -grid.low
    let share = high == -low ? 0.5 : 1
    return (
      -low >= high ? -d * least * share : 0, high >= -low ? d * greatest * share : 0
    )
  }

  /// -1, 0 or 1.
  private func sign(_ number: Double) -> Double { number > 0 ? 1 : number < 0 ? -1 : 0 }
}
