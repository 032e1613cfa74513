import Tensors

/// Numbers that are made of something else, a row at a time: the elements along the last dimension.
package protocol NumberRows: Sendable {
  var columns: Int { get }

  func numbers(ofRow row: Int) -> [Float]

  /// Lets go of the memory that reading slices along the first dimension has taken.
  func drop(rows: Range<Int>)
}

/// A tensor of a source as numbers: as they are stored, or made of codes and scales, products in f32 that are rounded to
/// the type of the model.
package struct SourceTensor: Sendable {
  /// How numbers are made of what is stored.
  enum Form {
    case numbers(StoredTensor)
    /// `w[..., r, c] = e4m3[..., r, c] * scales[..., r / rows, c / columns]`.
    case blocks(StoredTensor, rows: Int, columns: Int, scales: [Float])
    /// `w[e, 32 g + i, r] = e2m1[e, r, g, i] * 2^(exponents[e, r, g] - 127)`, two codes in a byte, the first in its low
    /// bits.
    case turnedGroups(StoredTensor, exponents: StoredTensor)
    /// The weight of a layer that is quantized already, or what others read.
    case rows(any NumberRows)
  }

  let name: String
  let form: Form
  /// Of the numbers.
  let dtype: String
  let shape: [Int]

  init(_ stored: StoredTensor) {
    (name, form, dtype, shape) = (stored.name, .numbers(stored), stored.dtype, stored.shape)
  }

  init(_ name: String, _ form: Form, dtype: String, shape: [Int]) {
    (self.name, self.form, self.dtype, self.shape) = (name, form, dtype, shape)
  }

  /// - Parameter dtype: Of the numbers, as safetensors call it.
  package init(_ name: String, rows: any NumberRows, dtype: String, shape: [Int]) {
    self.init(name, .rows(rows), dtype: dtype, shape: shape)
  }

  /// Type and shape in words.
  var kind: String { "\(dtype) \(shape)" }

  /// Lets go of the memory that reading some of the slices along the first dimension has taken.
  func drop(rows: Range<Int>) {
    switch form {
    case .numbers(let stored), .blocks(let stored, _, _, _), .turnedGroups(let stored, _):
      stored.drop(rows: rows)
    case .rows(let made): made.drop(rows: rows)
    }
  }

  /// Whether it is the weight of a layer with a row for each output, whatever the model's family does.
  var hasRowForEachOutput: Bool {
    if case .rows = form { shape.count == 2 } else { false }
  }

  /// Writes elements that lie `stride` elements from each other, from the first on; gives false for types that are not
  /// floating-point.
  func read(
    from first: Int, by stride: Int, count: Int, into target: UnsafeMutablePointer<Float>
  ) -> Bool {
    switch form {
    case .numbers(let stored):
      return stored.read(from: first, by: stride, count: count, into: target)
    case .blocks(let stored, let rows, let columns, let scales):
      guard stored.read(from: first, by: stride, count: count, into: target) else { return false }
      let (height, width) = (shape[shape.count - 2], shape[shape.count - 1])
      let blocks = ((height + rows - 1) / rows, (width + columns - 1) / columns)
      for place in 0..<count {
        let (row, column) = (first + place * stride).quotientAndRemainder(dividingBy: width)
        let (stack, inner) = row.quotientAndRemainder(dividingBy: height)
        let scale = scales[(stack * blocks.0 + inner / rows) * blocks.1 + column / columns]
        target[place] = rounded(target[place] * scale)
      }
    case .turnedGroups(let stored, let exponents):
      let (inputs, outputs) = (shape[1], shape[2])
      stored.file.storage.withBytes(in: stored.entry.range) { codes in
        exponents.file.storage.withBytes(in: exponents.entry.range) { exponents in
          for place in 0..<count {
            let (row, output) = (first + place * stride).quotientAndRemainder(dividingBy: outputs)
            let (expert, input) = row.quotientAndRemainder(dividingBy: inputs)
            let element = (expert * outputs + output) * inputs + input
            let pair = codes[element / 2]
            let number = FloatPairs.numbers[Int(input % 2 == 0 ? pair & 15 : pair >> 4)]
            let exponent = Int(exponents[element / 32]) - 127
            target[place] = rounded(
              number * Float(sign: .plus, exponent: exponent, significand: 1))
          }
        }
      }
    case .rows(let made):
      let width = made.columns
      var (line, known) = ([Float](), -1)
      for place in 0..<count {
        let (row, column) = (first + place * stride).quotientAndRemainder(dividingBy: width)
        if row != known { line = made.numbers(ofRow: row) }
        known = row
        target[place] = rounded(line[column])
      }
    }
    return true
  }

  /// Whether a tensor of the same type and shape holds the same numbers.
  func isSame(as copy: StoredTensor) -> Bool {
    if case .numbers(let stored) = form { return copy.stretch.isSame(as: stored.stretch) }
    let width = shape.last ?? 0
    let rows = width > 0 ? shape.dropLast().reduce(1, *) : 0
    return isSame(as: copy, at: StridedPart(whole: [rows, width]), rows: rows, columns: width)
  }

  /// Whether a matrix or vector of the same type holds the numbers of a part.
  func isSame(as copy: StoredTensor, at place: StridedPart) -> Bool {
    if case .numbers(let stored) = form { return copy.isCopy(of: stored, at: place) }
    let columns = copy.shape.count > 1 ? copy.shape[1] : 1
    return isSame(as: copy, at: place, rows: copy.shape.first ?? 0, columns: columns)
  }

  private func isSame(
    as copy: StoredTensor, at place: StridedPart, rows: Int, columns: Int
  ) -> Bool {
    let parts = min(rows, 64)
    return concurrently(parts) { part in
      withUnsafeTemporaryAllocation(of: Float.self, capacity: 2 * columns) { memory in
        guard let first = memory.baseAddress else { return true }
        let second = first + columns
        return (rows * part / parts..<rows * (part + 1) / parts).allSatisfy { row in
          guard
            read(
              from: place.start(ofRow: row), by: place.columnStride, count: columns, into: first),
            copy.read(row * columns..<(row + 1) * columns, into: second)
          else { return false }
          return (0..<columns).allSatisfy { first[$0].bitPattern == second[$0].bitPattern }
        }
      }
    }.allSatisfy { $0 }
  }

  /// The nearest number of the type, half to even.
  private func rounded(_ number: Float) -> Float {
    let (fraction, least): (Int, Int)
    switch dtype {
    case "BF16": (fraction, least) = (7, -133)
    case "F16": (fraction, least) = (10, -24)
    default: return number
    }
    guard number.isFinite, number != 0 else { return number }
    let exact = Double(number)
    let step = Double(
      sign: .plus, exponent: max(Int(exact.exponent) - fraction, least), significand: 1)
    return Float((exact / step).rounded(.toNearestOrEven) * step)
  }
}
