import Tensors

extension CheckpointDifference.Difference {
  /// Compares the numbers of two floating-point tensors of one shape. The same bits for every number of
  /// threads.
  init(from first: Tensor, to second: Tensor) {
    var sums = DifferenceSums()
    sums.add(from: first, to: second)
    self = sums.difference
  }
}

/// How far numbers are from others, of which not all are in memory at a time.
struct DifferenceSums {
  private var total = PieceSums()
  private var count = 0

  /// Compares some more: floating-point tensors of one shape.
  mutating func add(from first: Tensor, to second: Tensor) {
    precondition(first.shape == second.shape)
    let count = first.count
    let pieces = (count + PieceSums.elementCount - 1) / PieceSums.elementCount
    var sums = [PieceSums](repeating: PieceSums(), count: pieces)
    sums.withUnsafeMutableBufferPointer { sums in
      ThreadTeam.forRanges(of: pieces) { begin, end in
        withUnsafeTemporaryAllocation(of: Float.self, capacity: 2 * PieceSums.elementCount) {
          guard let x = $0.baseAddress else { return }
          let y = x + PieceSums.elementCount
          for piece in begin..<end {
            let start = piece * PieceSums.elementCount
            let range = start..<min(start + PieceSums.elementCount, count)
            first.read(range, into: x)
            second.read(range, into: y)
            sums[piece] = PieceSums(x, y, count: range.count)
          }
        }
      }
    }
    for piece in sums { total.add(piece) }
    self.count += count
  }

  var difference: CheckpointDifference.Difference {
    CheckpointDifference.Difference(
      relativeError: total.differing == 0 ? 0 : (total.errors / total.squares).squareRoot(),
      largestDifference: total.largest, differingCount: total.differing, count: count)
  }
}

/// What is added up of a piece of two tensors.
private struct PieceSums {
  /// Few enough that both pieces stay in the cache.
  static let elementCount = 1 << 13

  /// Of the first tensor's numbers.
  var squares = 0.0
  /// Squares of the differences.
  var errors = 0.0
  var largest = 0.0
  var differing = 0

  init() {}

  mutating func add(_ other: PieceSums) {
    squares += other.squares
    errors += other.errors
    largest = max(largest, other.largest)
    differing += other.differing
  }

  init(_ x: UnsafePointer<Float>, _ y: UnsafePointer<Float>, count: Int) {
    // Four at a time, in sums of their own: no addition waits for the one before it.
    var (squares, errors, largest) = (SIMD4<Double>.zero, SIMD4<Double>.zero, SIMD4<Double>.zero)
    var differing = SIMD4<Int64>.zero
    for start in stride(from: 0, to: count, by: 4) {
      let (a, b) = (Self.four(x, start, count), Self.four(y, start, count))
      squares += a * a
      // Exact, and zero only for equal numbers.
      var difference = a - b
      if any(difference .!= difference) { difference = Self.difference(a, b) }
      let square = difference * difference
      errors += square
      // What is no number counts in the error alone.
      largest.replace(with: square, where: square .> largest)
      differing.replace(with: differing &+ 1, where: difference .!= 0)
    }
    self.squares = squares.sum()
    self.errors = errors.sum()
    self.largest = largest.max().squareRoot()
    self.differing = Int(differing.wrappedSum())
  }

  @inline(__always) private static func four(
    _ numbers: UnsafePointer<Float>, _ start: Int, _ count: Int
  ) -> SIMD4<Double> {
    if start + 4 <= count {
      return SIMD4(
        Double(numbers[start]), Double(numbers[start + 1]), Double(numbers[start + 2]),
        Double(numbers[start + 3]))
    }
    var result = SIMD4<Double>.zero
    for lane in 0..<count - start { result[lane] = Double(numbers[start + lane]) }
    return result
  }

  /// With zero for what has the same bits, infinite or no number as it may be.
  private static func difference(_ a: SIMD4<Double>, _ b: SIMD4<Double>) -> SIMD4<Double> {
    var difference = a - b
    for lane in 0..<4 where a[lane].bitPattern == b[lane].bitPattern { difference[lane] = 0 }
    return difference
  }
}
