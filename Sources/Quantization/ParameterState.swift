import CKernels
import Diagnostics
import Tensors

/// What quantizers of all kinds of numbers hold of a weight: the weight as it was, the parameters that
/// tuning moves, the best rounding so far, and room for what follows from them.
///
/// Parameters are the offsets V, one for each element, and some range scales for each parameter set, which
/// start at 1. A weight that is only rounded, or not tuned yet, has one row of zeros for the V of all rows.
final class ParameterState {
  let grouping: WeightGrouping
  /// `[rows, columns]`, f32 or bf16. Held because the kernels' layers point into it.
  let weight: Tensor
  let offsets: RoundingOffsets
  /// Whether parameters move.
  var isTuned: Bool { best != nil }
  /// Whether the best rounding is the one that counts, and offsets no longer do.
  private(set) var isOver = false
  /// The range scales: an array with one for each parameter set after another.
  let ranges: UnsafeMutablePointer<Float>
  /// Arrays with one number for each parameter set, at first zeros.
  let derived: UnsafeMutablePointer<Float>
  /// Arrays with one number for each group of each row.
  let sums: UnsafeMutablePointer<Float>
  /// Nil where parameters do not move.
  private let best: KeptRounding?
  private let arrays: Arrays

  /// How many arrays there are of each kind.
  struct Arrays {
    var ranges: Int
    var derived: Int
    var sums: Int
  }

  /// Bytes that all of this takes, and the copy of a weight that is not used in place.
  static func byteCount(
    _ grouping: WeightGrouping, _ arrays: Arrays, dtype: DType, offsets: OffsetType?
  ) -> Int {
    let elements = grouping.rows * grouping.columns
    let ranges = arrays.ranges * grouping.parameterCount
    let numbers =
      grouping.columns + ranges + arrays.derived * grouping.parameterCount
      + arrays.sums * grouping.rows * grouping.groups + (isUsedInPlace(dtype) ? 0 : elements)
    let state = MemoryLayout<Float>.stride * numbers
    guard let offsets else { return state }
    return state + offsets.byteCount * elements
      + KeptRounding.byteCount(elements: elements, ranges: ranges)
  }

  private static func isUsedInPlace(_ dtype: DType) -> Bool {
    dtype == .float32 || dtype == .bfloat16
  }

  var elementCount: Int { grouping.rows * grouping.columns }
  var parameterCount: Int { grouping.parameterCount }
  /// Groups of all rows; differs from the number of parameter sets where rows share theirs.
  var sumCount: Int { grouping.rows * grouping.groups }
  /// Range scales of all arrays.
  var rangeCount: Int { arrays.ranges * parameterCount }

  /// - Parameters:
  ///   - weight: `[rows, columns]`, a floating-point type; f32 and bf16 are used in place.
  ///   - isTuned: Whether parameters will move; without, there are neither offsets nor a best of them.
  /// - Throws: `malformed` for a weight without elements.
  init(
    weight: Tensor, arguments: QuantizationArguments, arrays: Arrays, isTuned: Bool
  ) throws(InputError) {
    precondition(weight.shape.count == 2, "a weight has rows and columns, not \(weight.shape)")
    guard weight.count > 0 else {
      throw InputError(.malformed, "the weight is empty: its shape is \(weight.shape)")
    }
    grouping = try arguments.grouping(rows: weight.shape[0], columns: weight.shape[1])
    self.weight = Self.isUsedInPlace(weight.dtype) ? weight : weight.converted(to: .float32)
    self.arrays = arrays
    let parameters = grouping.parameterCount
    offsets = RoundingOffsets(rows: grouping.rows, columns: grouping.columns)
    ranges = Memory.allocate(capacity: arrays.ranges * parameters)
    ranges.initialize(repeating: 1, count: arrays.ranges * parameters)
    best =
      isTuned ? KeptRounding(shape: weight.shape, rangeCount: arrays.ranges * parameters) : nil
    derived = Memory.allocate(capacity: arrays.derived * parameters)
    derived.initialize(repeating: 0, count: arrays.derived * parameters)
    let groups = grouping.rows * grouping.groups
    sums = Memory.allocate(capacity: arrays.sums * groups)
    sums.initialize(repeating: 0, count: arrays.sums * groups)
  }

  deinit {
    ranges.deallocate()
    derived.deallocate()
    sums.deallocate()
  }

  /// The kernels' name of the weight's type.
  var weightType: ck_element { weight.dtype == .bfloat16 ? CK_BF16 : CK_F32 }

  /// Remembers the current range scales, and the codes that `fill` writes.
  func keepBest(codes fill: (UnsafeMutablePointer<UInt8>) -> Void) {
    requireTuned()
    best?.keep(ranges, codes: fill)
  }

  /// Makes the remembered range scales the current ones, and the remembered codes those that count. The offsets are
  /// given up.
  func restoreBest() {
    requireTuned()
    precondition(best?.isEmpty == false, "no rounding was kept")
    best?.copyRanges(to: ranges)
    isOver = true
    offsets.giveUp()
  }

  /// The codes that count once tuning is over.
  var finalCodes: Tensor? { isOver ? best?.codes : nil }

  /// Parameters of a weight that is only rounded stay where they are, and so do those whose tuning is over.
  func requireTuned() {
    precondition(isTuned, "a weight that is only rounded has no offsets to tune")
    precondition(!isOver, "the best rounding was chosen")
  }

  /// Sets one array of range scales, where something is given.
  func set(_ target: UnsafeMutablePointer<Float>, to source: [Float]?) {
    guard let source else { return }
    requireTuned()
    precondition(
      source.count == parameterCount, "\(source.count) parameters for \(parameterCount)")
    target.update(from: source, count: parameterCount)
  }

  /// A copy of an array with one number for each parameter set.
  func parameters(_ start: UnsafePointer<Float>) -> [Float] {
    Array(UnsafeBufferPointer(start: start, count: parameterCount))
  }

  /// An array with a number for each element that `fill` writes.
  func elements(_ fill: (UnsafeMutablePointer<Float>) -> Void) -> [Float] {
    [Float](unsafeUninitializedCapacity: elementCount) { target, count in
      count = elementCount
      if let base = target.baseAddress { fill(base) }
    }
  }

  /// A tensor with a code for each element that `fill` writes.
  func codes(_ fill: (UnsafeMutablePointer<UInt8>) -> Void) -> Tensor {
    Tensor(filling: weight.shape, dtype: .uint8) { bytes in
      if let base = bytes.bindMemory(to: UInt8.self).baseAddress { fill(base) }
    }
  }

  /// Throws if any group contains NaN or an infinity.
  ///
  /// - Parameter found: One number for each group of each row, NaN for such a group.
  func requireNumbers(_ found: UnsafePointer<Float>) throws(InputError) {
    guard let bad = (0..<sumCount).first(where: { found[$0].isNaN }) else { return }
    throw InputError(
      .notFinite,
      "row \(bad / grouping.groups) of the weight has an element that is infinite or NaN")
  }

  /// Scales as they will be stored.
  ///
  /// - Throws: `notFinite` where one is infinite or NaN.
  func requireStorable(
    _ scales: UnsafePointer<Float>, in dtype: DType
  ) throws(InputError) -> [Float] {
    let scales = parameters(scales)
    guard scales.allSatisfy(\.isFinite) else {
      throw InputError(
        .notFinite, "a scale is beyond the range of \(dtype.rawValue), the type it is stored in")
    }
    return scales
  }

  /// Adds up, in each array of sums, those of rows with common parameters, in the order of
  /// the rows; each array then has one number for each parameter set.
  func addRowsUp() {
    guard grouping.rowSpan > 1 else { return }
    let (rows, groups) = (grouping.rows, grouping.groups)
    for sum in (0..<arrays.sums).map({ sums + $0 * sumCount }) {
      for first in stride(from: 0, to: rows, by: grouping.rowSpan) {
        for group in 0..<groups {
          var total: Float = 0
          for row in first..<min(first + grouping.rowSpan, rows) {
            total += sum[row * groups + group]
          }
          sum[grouping.parameter(row: first, group: group)] = total
        }
      }
    }
  }
}
