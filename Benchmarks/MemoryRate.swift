import Tensors

/// How fast this machine's memory is read and written by the whole thread team.
struct MemoryRate {
  /// Bytes read and written in a second, together.
  var perSecond: Double

  /// Adds one array to another, both far larger than any cache: two reads and a write.
  init() {
    let count = 1 << 26
    let (x, y) = (
      UnsafeMutablePointer<Float>.allocate(capacity: count),
      UnsafeMutablePointer<Float>.allocate(capacity: count)
    )
    defer {
      x.deallocate()
      y.deallocate()
    }
    ThreadTeam.forRanges(of: count) { begin, end in
      for index in begin..<end {
        x[index] = 1
        y[index] = 2
      }
    }
    let seconds = medianSeconds(repetitions: 5) {
      ThreadTeam.forRanges(of: count) { begin, end in
        for index in begin..<end { y[index] += x[index] }
      }
    }
    perSecond = Double(3 * count * MemoryLayout<Float>.stride) / seconds
  }
}

/// The median time of `body`, after one call that is not counted.
func medianSeconds(repetitions: Int, _ body: () throws -> Void) rethrows -> Double {
  try body()
  let times = try (0..<repetitions).map { _ in
    let start = ContinuousClock.now
    try body()
    return (ContinuousClock.now - start) / .seconds(1)
  }
  return times.sorted()[repetitions / 2]
}
