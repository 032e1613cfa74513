import CKernels
import Diagnostics
import Tensors

/// What quantizers of all kinds of numbers hold of a weight: the weight as it was, the parameters that
/// tuning moves, the best of them so far, and room for what follows from them.
///
/// Parameters are the offsets V, one for each element, and after them some range scales for each
/// parameter set, which start at 1.
final class ParameterState {
  let grouping: WeightGrouping
  /// `[rows, columns]`, f32 or bf16. Held because the kernels' layers point into it.
  let weight: Tensor
  /// V.
  let values: UnsafeMutablePointer<Float>
  /// The range scales: an array with one for each parameter set after another.
  var ranges: UnsafeMutablePointer<Float> { values + elementCount }
  /// Arrays with one number for each parameter set, at first zeros.
  let derived: UnsafeMutablePointer<Float>
  /// Arrays with one number for each group of each row.
  let sums: UnsafeMutablePointer<Float>
  private let best: UnsafeMutablePointer<Float>
  private let rangeCount: Int

  var elementCount: Int { grouping.rows * grouping.columns }
  var parameterCount: Int { grouping.parameterCount }
  /// Groups of all rows; differs from the number of parameter sets where rows share theirs.
  var sumCount: Int { grouping.rows * grouping.groups }
  private var count: Int { elementCount + rangeCount * parameterCount }

  /// - Parameters:
  ///   - weight: `[rows, columns]`, a floating-point type; f32 and bf16 are used in place.
  ///   - rangeCount, derivedCount, sumCount: How many arrays there are of each kind.
  /// - Throws: `malformed` for a weight without elements.
  init(
    weight: Tensor, arguments: QuantizationArguments, rangeCount: Int, derivedCount: Int,
    sumCount: Int
  ) throws(InputError) {
    precondition(weight.shape.count == 2, "a weight has rows and columns, not \(weight.shape)")
    guard weight.count > 0 else {
      throw InputError(.malformed, "the weight is empty: its shape is \(weight.shape)")
    }
    grouping = try arguments.grouping(rows: weight.shape[0], columns: weight.shape[1])
    let usesInPlace = weight.dtype == .float32 || weight.dtype == .bfloat16
    self.weight = usesInPlace ? weight : weight.converted(to: .float32)
    self.rangeCount = rangeCount
    let (elements, parameters) = (weight.count, grouping.parameterCount)
    let count = elements + rangeCount * parameters
    values = .allocate(capacity: count)
    values.initialize(repeating: 0, count: elements)
    (values + elements).initialize(repeating: 1, count: rangeCount * parameters)
    best = .allocate(capacity: count)
    best.initialize(from: values, count: count)
    derived = .allocate(capacity: derivedCount * parameters)
    derived.initialize(repeating: 0, count: derivedCount * parameters)
    let groups = grouping.rows * grouping.groups
    sums = .allocate(capacity: sumCount * groups)
    sums.initialize(repeating: 0, count: sumCount * groups)
  }

  deinit {
    values.deallocate()
    best.deallocate()
    derived.deallocate()
    sums.deallocate()
  }

  /// The kernels' name of the weight's type.
  var weightType: ck_element { weight.dtype == .bfloat16 ? CK_BF16 : CK_F32 }

  /// Remembers the current parameters.
  func keepBest() {
    ThreadTeam.forRanges(of: count) { [best, values] begin, end in
      (best + begin).update(from: values + begin, count: end - begin)
    }
  }

  /// Makes the remembered parameters the current ones.
  func restoreBest() { values.update(from: best, count: count) }

  /// Sets V, or one array of range scales, where something is given.
  func set(_ target: UnsafeMutablePointer<Float>, to source: [Float]?) {
    guard let source else { return }
    let expected = target == values ? elementCount : parameterCount
    precondition(source.count == expected, "\(source.count) parameters for \(expected)")
    target.update(from: source, count: expected)
  }

  /// A copy of V.
  var currentValues: [Float] { Array(UnsafeBufferPointer(start: values, count: elementCount)) }

  /// A copy of an array with one number for each parameter set.
  func parameters(_ start: UnsafePointer<Float>) -> [Float] {
    Array(UnsafeBufferPointer(start: start, count: parameterCount))
  }

  /// An array with a number for each element that `fill` writes.
  func elements<Element>(
    _ fill: (UnsafeMutablePointer<Element>) -> Void
  ) -> [Element] {
    [Element](unsafeUninitializedCapacity: elementCount) { target, count in
      count = elementCount
      if let base = target.baseAddress { fill(base) }
    }
  }

  /// Refuses a weight of whose groups one was found to have no numbers.
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

  /// Adds up, in each of `arrays` arrays of sums, those of rows with common parameters, in the order of
  /// the rows; each array then has one number for each parameter set.
  func addRowsUp(arrays: Int) {
    guard grouping.rowSpan > 1 else { return }
    let (rows, groups) = (grouping.rows, grouping.groups)
    for sum in (0..<arrays).map({ sums + $0 * sumCount }) {
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
